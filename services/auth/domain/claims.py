"""The claims of the tokens that auth signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.auth.domain import scopes
from shared.internal import AUDIENCE as SERVICE_AUDIENCE
from shared.tokens import USER_AUDIENCE

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068, section 2.1


@dataclass(frozen=True, slots=True)
class Grant:
    """What one user gave one client on one device."""

    user: str
    client_id: str
    scope: str
    session: str


def user_access(grant: Grant, *, issuer: str, now: int, lives_s: int, jti: str) -> dict[str, Any]:
    """An access token for the public interfaces (RFC 9068, section 2.2)."""
    return {
        "iss": issuer,
        "sub": grant.user,
        "aud": USER_AUDIENCE,
        "exp": now + lives_s,
        "iat": now,
        "jti": jti,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "sid": grant.session,
    }


def service_access(
    client_id: str, scope: str, *, issuer: str, now: int, lives_s: int, jti: str
) -> dict[str, Any]:
    """An access token for the inside; the service is its own subject (RFC 9068, section 2.2)."""
    return {
        "iss": issuer,
        "sub": client_id,
        "aud": SERVICE_AUDIENCE,
        "exp": now + lives_s,
        "iat": now,
        "jti": jti,
        "client_id": client_id,
        "scope": scope,
    }


def identity(
    grant: Grant, person: Mapping[str, str], *, issuer: str, now: int, lives_s: int,
    auth_time: int | None, nonce: str,
) -> dict[str, Any]:  # fmt: skip
    """An ID token (OpenID Connect Core, section 2). ``person``: see :func:`about`."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": grant.user,
        "aud": grant.client_id,
        "exp": now + lives_s,
        "iat": now,
        "sid": grant.session,
        **person,
    }
    if auth_time is not None:
        claims["auth_time"] = auth_time
    if nonce:
        claims["nonce"] = nonce
    return claims


def about(scope: str, handle: str, display_name: str) -> dict[str, str]:
    """What the scope tells about a person (OpenID Connect Core, section 5.4)."""
    if not scopes.includes(scope, scopes.PROFILE):
        return {}
    return {"preferred_username": handle, "name": display_name}
