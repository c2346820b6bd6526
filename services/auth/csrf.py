"""Form tokens against cross-site request forgery (double submit, bound to the browser and to the
sign-in), and the check of Origin."""

from __future__ import annotations

import hashlib
import hmac
import secrets

FIELD = "form_token"


def new_browser() -> str:
    """A browser's random mark: the secret that its form tokens are made with."""
    return secrets.token_urlsafe(32)


def form_token(browser: str, signin: str) -> str:
    """The token of forms shown to this browser while this sign-in lasts. Who plants a browser
    cookie of their own choice still does not know the sign-in's."""
    return hmac.new(browser.encode(), signin.encode(), hashlib.sha256).hexdigest()


def is_genuine(given: str, browser: str, signin: str) -> bool:
    """Whether a form came from a page that this browser was shown."""
    if not browser:
        return False
    # Bytes, because the text may be anything.
    return hmac.compare_digest(given.encode(), form_token(browser, signin).encode())


def is_same_origin(origin: str | None, issuer: str) -> bool:
    """Whether a form may come from ``origin`` (RFC 6454, section 7); not all browsers tell."""
    return origin is None or origin == issuer
