"""Signing in with a passkey alone, and what the pages' script asks for (Web Authentication)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from services.auth import forms
from services.auth.domain import continuation
from services.auth.domain.authentication import PASSKEY as BY_PASSKEY
from services.auth.domain.passkeys import PasskeyRefused
from services.auth.errors import NO_STORE, PageError, answers_html
from services.auth.factors import Actor
from services.auth.handlers.browser import complete, halfway_of
from services.auth.handlers.setting_up import subject_of
from services.auth.handlers.signin import sign_in_page
from services.auth.records.challenges import Purpose
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from shared.codes import ErrorCode
from shared.problems import Problem

Handler = Callable[[web.Request], Awaitable[web.Response]]


def for_script(handler: Handler) -> Handler:
    """Faults as problem documents (RFC 9457): a script asks, and shows words of its page."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except PageError as fault:
            raise Problem(ErrorCode.FORBIDDEN, fault.reason) from None
        except Throttled as throttled:
            raise Problem(
                ErrorCode.RATE_LIMITED, "Too many tries.", retry_after_ms=throttled.retry_after_ms
            ) from None

    return wrapped


@for_script
async def options(request: web.Request) -> web.Response:
    """POST /connect/passkey/options, with ``purpose``: what to give to the browser's
    ``navigator.credentials``."""
    fields = await forms.of_page(request)
    auth = request.app[AUTH]
    if not auth.factors.party.available:
        raise Problem(ErrorCode.NOT_FOUND, "Passkeys need a domain and TLS.")
    holder = auth.pages.cookies.browser(request)
    purpose = fields.get("purpose", "")
    if purpose == Purpose.SIGN_IN:
        wanted = await auth.factors.passkey_request(request, Purpose.SIGN_IN, holder)
    elif purpose == Purpose.SECOND_STEP and (who := await halfway_of(request)) is not None:
        wanted = await auth.factors.passkey_request(
            request, Purpose.SECOND_STEP, holder, who.account.user
        )
    elif purpose == Purpose.REGISTER and (subject := await subject_of(request)) is not None:
        wanted = await auth.factors.passkey_creation(Actor(request, subject.account), holder)
    else:
        raise PageError(403, "form_expired")
    return web.Response(text=wanted, content_type="application/json", headers=NO_STORE)


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/signin/passkey: the browser's answer."""
    fields = await forms.of_page(request)
    next_path = continuation.safe(fields.get("next", ""))
    auth = request.app[AUTH]
    holder = auth.pages.cookies.browser(request)
    account = None
    if auth.factors.party.available:
        try:
            passkey = await auth.factors.check_passkey(
                request, fields.get("credential", ""), Purpose.SIGN_IN, holder
            )
            account = await auth.accounts.by_id(passkey.user)
        except PasskeyRefused:
            account = None
    if account is None or account.disabled:
        auth.metrics.logins.labels("wrong").inc()
        return sign_in_page(request, next_path, handle="", status=422, fault="passkey_refused")
    return await complete(request, account, next_path, BY_PASSKEY)
