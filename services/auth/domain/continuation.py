"""Where a person goes on after signing in: a path of our own pages, carried along as ``next``."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, urlencode

HOME = "/"
AUTHORIZE = "/connect/authorize"
DEVICE = "/connect/device"
ACCOUNT = "/connect/account"
_ACCOUNT_PAGES = frozenset(
    {ACCOUNT, *(f"{ACCOUNT}/{page}" for page in (
        "new-password", "devices", "authenticator", "passkeys/new", "recovery-codes", "email",
        "outside",
    ))}
)  # fmt: skip
MAX_CHARS = 8_192

# Prompts that a sign-in answers (OpenID Connect Core, section 3.1.2.1): asked for once.
_ANSWERED = frozenset({"login", "create", "select_account"})


def safe(path: str) -> str:
    """``path`` if it leads to one of our pages, else the home page: `next` comes from outside, and
    must not lead people to other sites."""
    allowed = path.startswith((f"{AUTHORIZE}?", f"{DEVICE}?")) or path == DEVICE
    allowed = allowed or path in _ACCOUNT_PAGES
    if not allowed or len(path) > MAX_CHARS or not path.isascii() or not path.isprintable():
        return HOME
    return path


def authorize_pairs(path: str) -> list[tuple[str, str]] | None:
    """The parameters of an authorization request; None when the path is none."""
    if not path.startswith(f"{AUTHORIZE}?"):
        return None
    return parse_qsl(path.partition("?")[2], keep_blank_values=True)


def after_sign_in(path: str) -> str:
    """The same request, less the demand to sign in (again), which has just been met."""
    pairs = authorize_pairs(path)
    if pairs is None:
        return path
    left = []
    for name, value in pairs:
        if name == "max_age":  # kept, a maximum of 0 would never be met
            continue
        if name == "prompt":
            value = " ".join(part for part in value.split() if part not in _ANSWERED)
            if not value:
                continue
        left.append((name, value))
    return f"{AUTHORIZE}?{urlencode(left)}"


def digest(path: str) -> str:
    """What stands for an authorization request or device page that a person has agreed to."""
    pairs = authorize_pairs(path)
    text = path if pairs is None else urlencode(pairs)
    return hashlib.sha256(text.encode()).hexdigest()
