"""Who the bearer of a token is (OpenID Connect Core, section 5.3)."""

from __future__ import annotations

from typing import Any

import jwt
from aiohttp import web

from services.auth.domain import claims, scopes
from services.auth.errors import NO_STORE, OAuthError, answers_json
from services.auth.resources import AUTH
from shared.tokens import USER_AUDIENCE


@answers_json
async def userinfo(request: web.Request) -> web.Response:
    """GET and POST /connect/userinfo, with an access token of scope ``openid`` as Bearer."""
    auth = request.app[AUTH]
    token = _accepted(request)
    account = await auth.accounts.by_id(token["sub"])
    if account is None or account.disabled:
        raise _invalid("the account cannot be used")
    person = claims.about(token["scope"], account.handle, account.display_name)
    return web.json_response({"sub": account.user, **person}, headers=NO_STORE)


def _accepted(request: web.Request) -> dict[str, Any]:
    """The token's claims (RFC 6750, sections 2.1 and 3.1)."""
    auth = request.app[AUTH]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise OAuthError("invalid_token", "no bearer token", status=401, challenge="Bearer")
    try:
        found = auth.keys.verify(
            token.strip(), claims.ACCESS_TOKEN_TYPE, audience=USER_AUDIENCE,
            issuer=auth.settings.issuer, options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError:
        raise _invalid("the token is not accepted") from None
    if found["exp"] <= auth.now() or found["sid"] in auth.revoked:
        raise _invalid("the token has expired or its session has ended")
    if not scopes.includes(found["scope"], scopes.OPENID):
        raise OAuthError(
            "insufficient_scope", "the scope openid is needed", status=403,
            challenge='Bearer error="insufficient_scope", scope="openid"',
        )  # fmt: skip
    return found


def _invalid(description: str) -> OAuthError:
    return OAuthError(
        "invalid_token", description, status=401, challenge='Bearer error="invalid_token"'
    )
