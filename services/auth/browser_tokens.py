"""The browser client's refresh token: in a cookie that no script can read.

``agileim-web`` redeems codes, refreshes and signs out without ever naming a refresh token, and
gets none in an answer: scripts hold short access tokens only. Its requests must come from our own
origin: besides SameSite=Strict, what the browser itself says about where a request comes from is
checked (RFC 6454, section 7; Fetch Metadata).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.auth.audit import SESSION_ENDED
from services.auth.cookies import Cookies
from services.auth.domain.clients import Client
from services.auth.errors import OAuthError
from services.auth.issuing import token_hash
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import SessionEnd
from shared.service_client import ApiUnavailable


def check_origin(request: web.Request) -> None:
    """Only our own pages may ask as the browser client. Raises :class:`OAuthError`."""
    origin = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site", "")
    # A page with `no-referrer` sends its beacons with the origin `null`; then only the browser's
    # word counts. Browsers give it over TLS and to this machine.
    ours = origin == request.app[AUTH].settings.issuer and site in ("", "same-origin")
    if not ours and (origin, site) != ("null", "same-origin"):
        raise OAuthError(
            "invalid_request", "this client is for the first-party origin only", status=403
        )


def held(request: web.Request, given: dict[str, str]) -> str:
    """The refresh token in the cookie, or empty; one in the request is a mistake, or worse.

    Raises :class:`OAuthError`.
    """
    if "refresh_token" in given:
        raise OAuthError("invalid_request", "this client's refresh token is in its cookie")
    return _cookies(request).refresh(request)


def keep(request: web.Request, response: web.Response, token: str) -> None:
    """Put the refresh token into the cookie."""
    lives_s = request.app[AUTH].settings.refresh_token_s
    _cookies(request).set_refresh(response, token, lives_s)


def forget(request: web.Request, response: web.StreamResponse) -> None:
    """Take the cookie back."""
    _cookies(request).clear_refresh(response)


async def end_former(request: web.Request, client: Client) -> None:
    """A browser holds one session: the one that its cookie stood for until now ends."""
    former = _cookies(request).refresh(request)
    if not former:
        return
    auth = request.app[AUTH]
    which = SessionEnd(refresh_hash=token_hash(former), client_id=client.client_id)
    try:
        ended = await auth.accounts.end(which)
    except ApiUnavailable:  # its token is gone, and it ends when its time is over
        return
    for session in ended.sessions:
        auth.audit.note(
            request, SESSION_ENDED, user=ended.user, client_id=client.client_id, session=session,
            detail="replaced",
        )  # fmt: skip
    await auth.revocations.publish(Revocation(ended.sessions, user=ended.user, reason="replaced"))


def withheld(response: dict[str, Any]) -> str:
    """Take the refresh token out of a token response; empty when there is none."""
    return str(response.pop("refresh_token", ""))


def _cookies(request: web.Request) -> Cookies:
    return request.app[AUTH].pages.cookies
