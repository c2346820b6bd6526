"""Redirect URIs: which are accepted, and how an answer is put into one.

Compared as texts, character by character (RFC 9700, section 2.1), with the one exception of
RFC 8252, section 7.3: the port of a loopback address is chosen by the application when it starts.
Such a URI is registered without a port; one with a port means this port.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit

# Only the two literals: other spellings of loopback, and `localhost`, may lead elsewhere
# (RFC 8252, section 8.3).
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?(/[^#]*)\Z")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\uffff\\\"<>^`{|}]")
# RFC 8252, section 7.1: a reversed domain name, so that it has an owner.
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+\Z")


def matches(given: str, registered: Iterable[str]) -> bool:
    """Whether a client that registered these may be answered at ``given``."""
    if _FORBIDDEN.search(given) or "#" in given:
        return False
    return any(uri in (given, _without_port(given)) for uri in registered)


def _without_port(uri: str) -> str | None:
    """A loopback URI less its port, None for any other URI."""
    match = _LOOPBACK.match(uri)
    if match is None or (match[2] is not None and not 1 <= int(match[2]) <= 65535):
        return None
    return match[1] + match[3]


def is_loopback(uri: str) -> bool:
    """Whether whoever listens on this machine's ``uri`` cannot be told from the client."""
    return _without_port(uri) is not None


def registration_fault(uri: str) -> str:
    """Why a client may not register ``uri``; empty when it may."""
    if _FORBIDDEN.search(uri) or "#" in uri:
        return "has a fragment or a character that must be escaped"
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "is not a URI"
    if parts.username is not None or parts.password is not None:
        return "has user information"
    if parts.scheme == "https":
        return "" if parts.hostname else "has no host"
    if parts.scheme == "http":
        return "" if is_loopback(uri) else "is neither https nor http on a loopback address"
    return "" if _PRIVATE_SCHEME.match(parts.scheme) else "has a scheme without a domain name"


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """``uri`` with parameters added to its query (RFC 6749, section 4.1.2)."""
    separator = "&" if "?" in uri else "?"
    return uri + separator + urlencode({name: text for name, text in parameters.items() if text})


def form_action_source(uri: str) -> str:
    """What the policy ``form-action`` must allow for a form whose answer redirects to ``uri``:
    browsers check redirects after a form against it (CSP level 3, section 6.4.1)."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or ":" in (parts.hostname or ":"):
        return f"{parts.scheme}:"  # the policy's grammar knows no IPv6 addresses
    return f"{parts.scheme}://{parts.netloc}"
