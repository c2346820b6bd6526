"""The pages on which people sign in and out."""

from __future__ import annotations

from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import continuation, passwords
from services.auth.errors import answers_html
from services.auth.handlers.browser import (
    authorization_of,
    forget_browser,
    form_action_of,
    sign_browser_out,
    sign_in,
)
from services.auth.hashing import HashingBusy
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.handles import is_handle, normal_form
from shared.internal import Account
from shared.logs import get_logger
from shared.service_client import ApiUnavailable


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET /connect/signin"""
    next_path = continuation.safe(request.query.get("next", ""))
    authorization = authorization_of(request, next_path)
    hint = authorization.login_hint if authorization is not None else ""
    return sign_in_page(request, next_path, handle=hint)


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/signin"""
    fields = await forms.of_page(request)
    next_path = continuation.safe(fields.get("next", ""))
    handle = normal_form(fields.get("handle", ""))
    auth = request.app[AUTH]
    try:
        account = await _authenticate(request, handle, fields.get("password", ""))
    except Throttled as throttled:
        auth.metrics.logins.labels("throttled").inc()
        auth.audit.note(request, audit.SIGN_IN_THROTTLED)
        return sign_in_page(
            request, next_path, handle=handle, status=429, fault="throttled_wait",
            retry_after_ms=throttled.retry_after_ms,
        )  # fmt: skip
    if account is None:
        auth.metrics.logins.labels("wrong").inc()
        return sign_in_page(
            request, next_path, handle=handle, status=422, fault="wrong_credentials"
        )
    return await sign_in(request, account, next_path)


@answers_html
async def show_sign_out(request: web.Request) -> web.Response:
    """GET /connect/signout"""
    return request.app[AUTH].pages.page(request, "signout")


@answers_html
async def sign_out(request: web.Request) -> web.Response:
    """POST /connect/signout: this browser's sign-in ends, and the session of the browser client
    whose cookie it holds; sessions of other applications do not."""
    await forms.of_page(request)
    await sign_browser_out(request)
    auth = request.app[AUTH]
    response = auth.pages.page(request, "done", title="signedout_title", message="signedout")
    forget_browser(request, response)
    return response


async def _authenticate(request: web.Request, handle: str, password: str) -> Account | None:
    """The account, if the password is its own. Takes as long for nobody's handle.

    Raises Throttled, HashingBusy, ApiUnavailable, RedisError.
    """
    auth = request.app[AUTH]
    prepared = passwords.prepared(password)
    if not is_handle(handle) or not passwords.is_hashable(prepared):
        return None  # no account can have these, and everybody can know that
    address = auth.addresses.of(request)
    await auth.throttles.charge_sign_in(handle, address)
    try:
        account = await auth.accounts.by_handle(handle)
        stored = account.password_hash if account is not None else None
        right = await auth.hashes.verify(prepared, stored)
    except (HashingBusy, ApiUnavailable):
        await auth.throttles.not_tried(handle, address)
        raise
    if not right or account is None or account.disabled:
        known = account.user if account is not None else ""
        auth.audit.note(request, audit.SIGN_IN_REFUSED, user=known)
        return None
    # The pair becomes familiar when all is proved: a password may be stolen.
    await auth.throttles.not_tried(handle, address)
    if auth.hashes.is_outdated(account.password_hash):
        await _rehash(request, account, prepared)
    return account


async def _rehash(request: web.Request, account: Account, prepared: str) -> None:
    """Keep up with grown parameters, now that the password is at hand."""
    auth = request.app[AUTH]
    try:
        fresh = await auth.hashes.hash(prepared)
        await auth.accounts.change_password(account.user, fresh)
    except (HashingBusy, ApiUnavailable):
        get_logger().info("rehash_put_off", user_id=account.user)  # the next sign-in does it


def sign_in_page(
    request: web.Request, next_path: str, *, handle: str, status: int = 200, fault: str = "",
    retry_after_ms: int = 0,
) -> web.Response:  # fmt: skip
    """The page; ``fault`` is a key of the texts."""
    authorization = authorization_of(request, next_path)
    texts = negotiated(request.headers.get("Accept-Language", ""))
    seconds = -(-retry_after_ms // 1000)
    again = request.query.get("again") == "true"
    return request.app[AUTH].pages.page(
        request,
        "signin",
        status=status,
        form_action=form_action_of(authorization),
        retry_after_ms=retry_after_ms,
        client=authorization.client.name if authorization is not None else "",
        next=next_path,
        scripted=True,
        handle=handle,
        again=again,
        fault=texts(fault, seconds=seconds) if fault else "",
    )
