"""Who is calling: users by access token, services by service token."""

from __future__ import annotations

from aiohttp import web

from shared.codes import ErrorCode
from shared.ids import is_id
from shared.problems import Problem
from shared.revocations import RevokedSessions
from shared.tokens import (
    USER_SCOPE,
    AccessToken,
    KeysUnavailable,
    TokenRejected,
    TokenVerifier,
)


class Access:
    """Checks the bearer token (RFC 6750) of a request. Methods raise Problem."""

    def __init__(
        self, users: TokenVerifier, services: TokenVerifier, revoked: RevokedSessions
    ) -> None:
        self._users = users
        self._services = services
        self._revoked = revoked

    async def user(self, request: web.Request) -> AccessToken:
        """The user who calls, signed in to an application that may chat for them."""
        token = await _verified(self._users, request)
        if token.session in self._revoked:
            raise Problem(ErrorCode.UNAUTHENTICATED, "This session has ended.")
        if not is_id(token.user):
            raise Problem(ErrorCode.UNAUTHENTICATED, "This token belongs to no user.")
        _need_scope(token, USER_SCOPE)
        return token

    async def service(self, request: web.Request, scope: str) -> AccessToken:
        """The service that calls, which must have the scope."""
        token = await _verified(self._services, request)
        _need_scope(token, scope)
        return token


async def _verified(verifier: TokenVerifier, request: web.Request) -> AccessToken:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(ErrorCode.UNAUTHENTICATED, "A bearer token is needed.")
    try:
        return await verifier.verify(token.strip())
    except TokenRejected:
        raise Problem(ErrorCode.UNAUTHENTICATED, "This token is not accepted.") from None
    except KeysUnavailable:
        raise Problem(
            ErrorCode.UNAVAILABLE, "Tokens cannot be checked now.", retry_after_ms=1000
        ) from None


def _need_scope(token: AccessToken, scope: str) -> None:
    if scope not in token.scopes:
        raise Problem(ErrorCode.FORBIDDEN, f"This token lacks the scope {scope}.")
