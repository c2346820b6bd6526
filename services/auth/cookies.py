"""auth's cookies: which browser it is, who is signed in with it, and the browser client's refresh
token.

Over TLS their names carry the prefix ``__Host-`` (RFC 6265bis, section 4.1.3.2): a neighbouring
subdomain cannot set them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

BROWSER_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and writes them."""

    secure: bool

    def browser(self, request: web.Request) -> str:
        """The browser's random mark, or empty."""
        return request.cookies.get(self._name("browser"), "")

    def set_browser(self, response: web.Response, value: str) -> None:
        """Mark a browser."""
        self._set(response, "browser", value, BROWSER_S)

    def signin(self, request: web.Request) -> str:
        """The secret of the sign-in, or empty."""
        return request.cookies.get(self._name("signin"), "")

    def set_signin(self, response: web.Response, value: str, lives_s: int) -> None:
        """Remember a sign-in."""
        self._set(response, "signin", value, lives_s)

    def clear_signin(self, response: web.StreamResponse) -> None:
        """Forget a sign-in."""
        self._set(response, "signin", "", 0)

    def refresh(self, request: web.Request) -> str:
        """The browser client's refresh token, or empty."""
        return request.cookies.get(self._name("refresh"), "")

    def set_refresh(self, response: web.StreamResponse, value: str, lives_s: int) -> None:
        """Keep the browser client's refresh token. Strict: no other site's page has a reason to
        make the browser send it."""
        self._set(response, "refresh", value, lives_s, same_site="Strict")

    def clear_refresh(self, response: web.StreamResponse) -> None:
        """Forget the browser client's refresh token."""
        self._set(response, "refresh", "", 0, same_site="Strict")

    def _name(self, noun: str) -> str:
        return f"__Host-agileim_{noun}" if self.secure else f"agileim_{noun}"

    def _set(
        self, response: web.StreamResponse, noun: str, value: str, lives_s: int,
        # Lax, not Strict: people arrive from other pages and are signed in all the same.
        same_site: Literal["Lax", "Strict"] = "Lax",
    ) -> None:  # fmt: skip
        response.set_cookie(
            self._name(noun), value, max_age=lives_s, path="/", httponly=True,
            samesite=same_site, secure=self.secure,
        )  # fmt: skip
