"""What a token is worth right now (RFC 7662)."""

from __future__ import annotations

from typing import Any

import jwt
from aiohttp import web

from services.auth import schemas
from services.auth.client_authentication import client_form
from services.auth.domain.claims import ACCESS_TOKEN_TYPE
from services.auth.domain.clients import CLIENT_CREDENTIALS
from services.auth.errors import NO_STORE, OAuthError, answers_json
from services.auth.issuing import token_hash
from services.auth.resources import AUTH
from shared.internal import AUDIENCE, SessionQuery
from shared.tokens import USER_AUDIENCE

_INACTIVE = {"active": False}


@answers_json
async def introspection(request: web.Request) -> web.Response:
    """POST /connect/introspect, for authenticated services only (section 4: others could look for
    tokens). Whatever is not good is ``{"active": false}`` and nothing else (section 2.2)."""
    client, given = await client_form(request)
    if client.public or CLIENT_CREDENTIALS not in client.grants:
        raise OAuthError("unauthorized_client", "only services may introspect", status=403)
    token: str = schemas.load(schemas.IntrospectionForm, given)["token"]
    looked = _of_access if token.count(".") == 2 else _of_refresh
    found = await looked(request, token)
    answer = {"active": True, **found} if found is not None else _INACTIVE
    return web.json_response(answer, headers=NO_STORE)


async def _of_access(request: web.Request, token: str) -> dict[str, Any] | None:
    """Ours, unexpired, and of a session that lives. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    try:
        claims = auth.keys.verify(
            token, ACCESS_TOKEN_TYPE, audience=[USER_AUDIENCE, AUDIENCE],
            issuer=auth.settings.issuer, options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError:
        return None
    if claims["exp"] <= auth.now():
        return None
    if session := claims.get("sid"):
        if session in auth.revoked or not await _lives(request, claims["sub"], session):
            return None
    elif claims["aud"] != AUDIENCE:
        return None
    return {**claims, "token_type": "Bearer"}


async def _lives(request: web.Request, user: str, session: str) -> bool:
    """Whether a session lives; that of a bot is its secret. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    if await auth.accounts.sessions(SessionQuery("", session)):
        return True
    bot = await auth.clients.asking(user)
    return bot is not None and any(secret.id == session for secret in bot.secrets)


async def _of_refresh(request: web.Request, token: str) -> dict[str, Any] | None:
    """Unused and of a session that lives. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    found = await auth.accounts.sessions(SessionQuery(refresh_hash=token_hash(token)))
    if not found:
        return None
    [session] = found
    return {
        "iss": auth.settings.issuer,
        "sub": session.user,
        "client_id": session.client_id,
        "scope": session.scope,
        "sid": session.session,
        "iat": int(session.used_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
    }
