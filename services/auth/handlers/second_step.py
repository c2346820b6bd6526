"""The second step of signing in: a passkey, a code of the authenticator application, or a recovery
code, whichever the person has and chooses."""

from __future__ import annotations

from aiohttp import web

from services.auth import forms
from services.auth.domain.authentication import with_code, with_passkey
from services.auth.domain.passkeys import PasskeyRefused
from services.auth.errors import PageError, answers_html
from services.auth.factors import AUTHENTICATOR, PASSKEY, RECOVERY, Actor
from services.auth.handlers.browser import (
    ENROL,
    HalfwayPerson,
    authorization_of,
    complete,
    form_action_of,
    halfway_of,
    see_other,
)
from services.auth.records.challenges import Purpose
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated

SIGN_IN = "/connect/signin"
_FAULTS = {
    AUTHENTICATOR: "code_wrong",
    RECOVERY: "recovery_wrong",
    PASSKEY: "passkey_refused",
}


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET /connect/signin/step, with ``by`` when the person wants another way."""
    who = await halfway_of(request)
    if who is None:
        return see_other(SIGN_IN)
    if who.record.enrolling:
        return see_other(ENROL)
    return await _page(request, who, request.query.get("by", ""))


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/signin/step"""
    fields = await forms.of_page(request)
    who = await halfway_of(request)
    if who is None or who.record.enrolling:
        raise PageError(403, "form_expired")
    by = fields.get("by", "")
    auth = request.app[AUTH]
    try:
        good = await _prove(request, who, by, fields)
    except Throttled as throttled:
        auth.metrics.logins.labels("throttled").inc()
        return await _page(
            request, who, by, status=429, fault="throttled_wait",
            retry_after_ms=throttled.retry_after_ms,
        )  # fmt: skip
    if not good:
        auth.metrics.logins.labels("wrong").inc()
        return await _page(request, who, by, status=422, fault=_FAULTS.get(by, "bad_form"))
    if await auth.halfway.take(who.cookie, int(auth.now())) is None:
        raise PageError(403, "form_expired")  # another tab was faster
    add = with_passkey if by == PASSKEY else with_code
    return await complete(request, who.account, who.record.next_path, add(who.record.amr))


async def _prove(request: web.Request, who: HalfwayPerson, by: str, fields: dict[str, str]) -> bool:
    """Raises Throttled, SealingFault, ApiUnavailable, RedisError."""
    auth = request.app[AUTH]
    actor = Actor(request, who.account)
    if by == AUTHENTICATOR:
        return await auth.factors.check_code(actor, fields.get("code", ""))
    if by == RECOVERY:
        return await auth.factors.check_recovery_code(actor, fields.get("code", ""))
    if by == PASSKEY and auth.factors.party.available:
        holder = auth.pages.cookies.browser(request)
        try:
            await auth.factors.check_passkey(
                request, fields.get("credential", ""), Purpose.SECOND_STEP, holder,
                who.account.user,
            )  # fmt: skip
        except PasskeyRefused:
            return False
        return True
    return False


async def _page(
    request: web.Request, who: HalfwayPerson, by: str, *, status: int = 200, fault: str = "",
    retry_after_ms: int = 0,
) -> web.Response:  # fmt: skip
    auth = request.app[AUTH]
    factors = await auth.factors.of(who.account.user)
    ways = auth.factors.ways(factors)
    if not ways:  # the last one was taken away a moment ago, or passkeys do not work here
        raise PageError(403, "no_way_left")
    chosen = by if by in ways else ways[0]
    authorization = authorization_of(request, who.record.next_path)
    texts = negotiated(request.headers.get("Accept-Language", ""))
    seconds = -(-retry_after_ms // 1000)
    return auth.pages.page(
        request,
        "second_step",
        status=status,
        form_action=form_action_of(authorization),
        retry_after_ms=retry_after_ms,
        scripted=PASSKEY in ways,
        by=chosen,
        others=[way for way in ways if way != chosen],
        person=who.account,
        next=who.record.next_path,
        fault=texts(fault, seconds=seconds) if fault else "",
    )
