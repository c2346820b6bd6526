"""Who the bearer of a token is (OpenID Connect Core, section 5.3)."""

from __future__ import annotations

from aiohttp import web

from services.auth.bearer import bearer, invalid
from services.auth.domain import claims, scopes
from services.auth.errors import NO_STORE, OAuthError, answers_json
from services.auth.resources import AUTH


@answers_json
async def userinfo(request: web.Request) -> web.Response:
    """GET and POST /connect/userinfo, with an access token of scope ``openid`` as Bearer."""
    who = bearer(request)
    if not scopes.includes(who.scope, scopes.OPENID):
        raise OAuthError(
            "insufficient_scope", "the scope openid is needed", status=403,
            challenge='Bearer error="insufficient_scope", scope="openid"',
        )  # fmt: skip
    account = await request.app[AUTH].accounts.by_id(who.user)
    if account is None or account.disabled:
        raise invalid("the account cannot be used")
    person = claims.about(who.scope, account.handle, account.display_name)
    return web.json_response({"sub": account.user, **person}, headers=NO_STORE)
