"""Services that call auth with a service token (RFC 6750), as they call api."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

import jwt
from aiohttp import web

from services.auth.domain import claims, scopes
from services.auth.errors import NO_STORE, RETRY_AFTER_S
from services.auth.records.cell import Contended
from services.auth.resources import AUTH
from shared.codes import ErrorCode
from shared.internal import AUDIENCE
from shared.problems import Problem
from shared.redis_client import RedisError
from shared.service_client import ApiRefused, ApiUnavailable

Handler = Callable[[web.Request], Awaitable[web.Response]]


def served_to(scope: str, handler: Handler) -> Handler:
    """Only for services with the scope. Errors are problem documents (RFC 9457)."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.Response:
        _check(request, scope)
        try:
            response = await handler(request)
        except (ApiUnavailable, ApiRefused, RedisError, Contended):
            raise Problem(
                ErrorCode.UNAVAILABLE, "A part is away.", retry_after_ms=RETRY_AFTER_S * 1000
            ) from None
        response.headers.update(NO_STORE)
        return response

    return wrapped


def _check(request: web.Request, scope: str) -> None:
    """Raises Problem."""
    auth = request.app[AUTH]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(ErrorCode.UNAUTHENTICATED, "A bearer token is needed.")
    try:
        found = auth.keys.verify(
            token.strip(), claims.ACCESS_TOKEN_TYPE, audience=AUDIENCE,
            issuer=auth.settings.issuer, options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError:
        raise Problem(ErrorCode.UNAUTHENTICATED, "This token is not accepted.") from None
    if found["exp"] <= auth.now():
        raise Problem(ErrorCode.UNAUTHENTICATED, "This token has expired.")
    if not scopes.includes(found.get("scope", ""), scope):
        raise Problem(ErrorCode.FORBIDDEN, f"This token lacks the scope {scope}.")
