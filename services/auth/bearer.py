"""The bearer of a user's access token (RFC 6750)."""

from __future__ import annotations

from dataclasses import dataclass

import jwt
from aiohttp import web

from services.auth.domain import claims
from services.auth.errors import OAuthError
from services.auth.resources import AUTH
from shared.tokens import USER_AUDIENCE

# What is read of a token (RFC 9068, section 2.2).
_REQUIRED = ["exp", "sub", "client_id", "sid", "scope"]


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks, with what and on which session."""

    user: str
    client_id: str
    session: str
    scope: str
    expires_at: float  # of the token, Unix time, s
    # When and how they signed in, if the token comes straight from that: see domain.claims.Proof.
    auth_time: float = 0.0
    amr: tuple[str, ...] = ()


def bearer(request: web.Request) -> Bearer:
    """Who presents a good access token of ours (sections 2.1 and 3.1). Raises OAuthError."""
    auth = request.app[AUTH]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise OAuthError("invalid_token", "no bearer token", status=401, challenge="Bearer")
    try:
        found = auth.keys.verify(
            token.strip(), claims.ACCESS_TOKEN_TYPE, audience=USER_AUDIENCE,
            issuer=auth.settings.issuer,
            options={"verify_exp": False, "verify_iat": False, "require": _REQUIRED},
        )  # fmt: skip
    except jwt.PyJWTError:
        raise invalid("the token is not accepted") from None
    if found["exp"] <= auth.now() or found["sid"] in auth.revoked:
        raise invalid("the token has expired or its session has ended")
    return Bearer(
        found["sub"], found["client_id"], found["sid"], found["scope"], found["exp"],
        found.get("auth_time", 0.0), tuple(found.get("amr", ())),
    )  # fmt: skip


def invalid(description: str) -> OAuthError:
    """The token is not good."""
    return OAuthError(
        "invalid_token", description, status=401, challenge='Bearer error="invalid_token"'
    )
