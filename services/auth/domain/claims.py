"""The claims of the tokens that auth signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.auth.domain import authentication, scopes
from shared.internal import AUDIENCE as SERVICE_AUDIENCE
from shared.tokens import TICKET_AUDIENCE, TICKET_S, USER_AUDIENCE

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068, section 2.1


@dataclass(frozen=True, slots=True)
class Grant:
    """What one user gave one client on one device."""

    user: str
    client_id: str
    scope: str
    session: str


@dataclass(frozen=True, slots=True)
class Proof:
    """When and how the user proved who they are."""

    auth_time: int  # Unix time, s
    amr: tuple[str, ...] = ()

    @property
    def claims(self) -> dict[str, Any]:
        """OpenID Connect Core, section 2."""
        if not self.amr:
            return {"auth_time": self.auth_time}
        acr = authentication.acr_of(self.amr)
        return {"auth_time": self.auth_time, "amr": list(self.amr), "acr": acr}


def user_access(
    grant: Grant, proof: Proof | None, *, issuer: str, now: int, lives_s: int, jti: str
) -> dict[str, Any]:
    """An access token for the public interfaces (RFC 9068, section 2.2). ``proof``: the sign-in
    that it comes from, unless it was refreshed (section 2.2.1)."""
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
        **(proof.claims if proof is not None else {}),
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
    proof: Proof | None, nonce: str,
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
        **(proof.claims if proof is not None else {}),
    }
    if nonce:
        claims["nonce"] = nonce
    return claims


def about(scope: str, handle: str, display_name: str) -> dict[str, str]:
    """What the scope tells about a person (OpenID Connect Core, section 5.4)."""
    if not scopes.includes(scope, scopes.PROFILE):
        return {}
    return {"preferred_username": handle, "name": display_name}


def ticket(
    grant: Grant, *, issuer: str, now: int, jti: str, origin: str, token_expires: int
) -> dict[str, Any]:
    """A ticket for one socket. ``origin``: of the page that asked (RFC 6454), empty when it was no
    page; ``token_exp``: until when the socket is signed in."""
    return {
        "iss": issuer,
        "sub": grant.user,
        "aud": TICKET_AUDIENCE,
        "exp": min(now + TICKET_S, token_expires),
        "iat": now,
        "jti": jti,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "sid": grant.session,
        "origin": origin,
        "token_exp": token_expires,
    }
