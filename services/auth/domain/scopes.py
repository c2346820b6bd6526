"""Scopes that people's clients may ask for (RFC 6749, section 3.3)."""

from __future__ import annotations

from collections.abc import Collection

OPENID = "openid"  # an ID token, and userinfo
PROFILE = "profile"  # handle and display name in them
CHAT = "chat"  # to read and write messages
OFFLINE = "offline_access"  # a refresh token

SUPPORTED = (OPENID, PROFILE, CHAT, OFFLINE)


def granted(asked: str, allowed: Collection[str]) -> str:
    """Of the scopes asked for, those that the client may have, in our order; what nobody knows
    is ignored (OpenID Connect Core, section 3.1.2.1). May be empty."""
    wanted = set(asked.split())
    return " ".join(scope for scope in SUPPORTED if scope in wanted and scope in allowed)


def includes(scope: str, part: str) -> bool:
    """Whether every scope of ``part`` is in ``scope``."""
    return set(part.split()) <= set(scope.split())
