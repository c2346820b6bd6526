"""The browser client's refresh token: in a cookie that no script can read.

``agileim-web`` asks for it at the token endpoint with ``refresh_token_in=cookie``; from then on it
refreshes and signs out without naming a token. Scripts hold short access tokens only. Whoever uses
the cookie must come from our own origin: besides SameSite=Strict, what the browser itself says
about where a request comes from is checked (RFC 6454, section 7; Fetch Metadata).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.auth.cookies import Cookies
from services.auth.domain.clients import Client
from services.auth.errors import OAuthError
from services.auth.resources import AUTH

PARAMETER = "refresh_token_in"
COOKIE = "cookie"


def asked_for(client: Client, given: dict[str, str]) -> bool:
    """Whether the client wants its refresh token in the cookie. Raises :class:`OAuthError`."""
    where = given.get(PARAMETER, "")
    if not where:
        return False
    if where != COOKIE or not client.in_browser:
        raise OAuthError("invalid_request", f"{PARAMETER} is not for this client")
    return True


def check_origin(request: web.Request) -> None:
    """Only our own pages may use the cookie. Raises :class:`OAuthError`."""
    origin = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site", "")
    # A page with `no-referrer` sends its beacons with the origin `null`; then only the browser's
    # word counts. Browsers give it over TLS and to this machine.
    ours = origin == request.app[AUTH].settings.issuer and site in ("", "same-origin")
    if not ours and (origin, site) != ("null", "same-origin"):
        raise OAuthError(
            "invalid_request", "the cookie is for the first-party origin only", status=403
        )


def held(request: web.Request) -> str:
    """The refresh token of a request that names none. Raises :class:`OAuthError`."""
    check_origin(request)
    return _cookies(request).refresh(request)


def keep(request: web.Request, response: web.Response, token: str) -> None:
    """Put the refresh token into the cookie."""
    lives_s = request.app[AUTH].settings.refresh_token_s
    _cookies(request).set_refresh(response, token, lives_s)


def forget(request: web.Request, response: web.StreamResponse) -> None:
    """Take the cookie back."""
    _cookies(request).clear_refresh(response)


def withheld(response: dict[str, Any]) -> str:
    """Take the refresh token out of a token response; empty when there is none."""
    return str(response.pop("refresh_token", ""))


def _cookies(request: web.Request) -> Cookies:
    return request.app[AUTH].pages.cookies
