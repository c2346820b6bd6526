"""Token revocation (RFC 7009): signing out of an application."""

from __future__ import annotations

import jwt
from aiohttp import web

from services.auth import audit, browser_tokens, schemas
from services.auth.client_authentication import client_form
from services.auth.domain.claims import ACCESS_TOKEN_TYPE
from services.auth.domain.clients import Client
from services.auth.errors import NO_STORE, RETRY_AFTER_S, OAuthError, answers_json
from services.auth.issuing import token_hash
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import SessionEnd
from shared.tokens import USER_AUDIENCE


@answers_json
async def revocation(request: web.Request) -> web.Response:
    """POST /connect/revocation: ends the token's session, all its tokens included.

    Answers 200 for tokens that mean nothing (section 2.2). The browser client may leave the token
    out: then it is the one in its cookie, which goes as well.
    """
    auth = request.app[AUTH]
    client, given = await client_form(request)
    by_cookie = client.in_browser and "token" not in given
    if by_cookie:
        browser_tokens.check_origin(request)
        given = {**given, "token": browser_tokens.held(request, given) or "none"}
    which = _session_of(request, client, schemas.load(schemas.RevocationForm, given)["token"])
    if which is not None:
        ended = await auth.accounts.end(which)
        for session in ended.sessions:
            auth.audit.note(
                request, audit.SESSION_ENDED, user=ended.user, client_id=client.client_id,
                session=session, detail="signed_out",
            )  # fmt: skip
        told = await auth.revocations.publish(
            Revocation(ended.sessions, user=ended.user, reason="signed_out")
        )
        if not told:
            raise OAuthError(  # section 2.2.1
                "temporarily_unavailable", "the session has ended, but not everybody knows yet",
                status=503, retry_after_s=RETRY_AFTER_S,
            )  # fmt: skip
    response = web.Response(headers=NO_STORE)
    if by_cookie:
        browser_tokens.forget(request, response)
    return response


def _session_of(request: web.Request, client: Client, token: str) -> SessionEnd | None:
    if token.count(".") != 2:  # ours are opaque, or JWTs
        return SessionEnd(refresh_hash=token_hash(token), client_id=client.client_id)
    auth = request.app[AUTH]
    try:
        claims = auth.keys.verify(
            token, ACCESS_TOKEN_TYPE, audience=USER_AUDIENCE, issuer=auth.settings.issuer,
            # An expired one still says which session is meant.
            options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError:
        return None
    if claims.get("client_id") != client.client_id:
        return None
    return SessionEnd(session=str(claims.get("sid", ""))) if claims.get("sid") else None
