"""One-time tickets: what signs one socket in, within seconds, in place of the access token.

    POST /connect/account/ticket → 201 {"ticket", "expires_in"}

A ticket is signed by auth, names the session and the origin of the page that asked, and is taken
by the gateway once (``hello`` with ``ticket``): whoever reads it on its way or in a log later can
do nothing with it. It never goes into a URL.
"""

from __future__ import annotations

from aiohttp import web

from services.auth.bearer import Bearer
from services.auth.domain import claims
from services.auth.handlers.account import first_party
from services.auth.resources import AUTH
from shared.codes import ErrorCode
from shared.ids import new_id
from shared.problems import Problem
from shared.tokens import TICKET_S, TICKET_TYPE, USER_SCOPE


@first_party
async def issue(request: web.Request, who: Bearer) -> web.Response:
    """201, for the session of the access token; 403 without the scope to chat."""
    if USER_SCOPE not in who.scope.split():
        raise Problem(ErrorCode.FORBIDDEN, f"The scope {USER_SCOPE} is needed.")
    auth = request.app[AUTH]
    ticket = auth.keys.sign(
        claims.ticket(
            claims.Grant(who.user, who.client_id, who.scope, who.session),
            issuer=auth.settings.issuer,
            now=int(auth.now()),
            jti=new_id(),
            origin=request.headers.get("Origin", ""),
            token_expires=int(who.expires_at),
        ),
        TICKET_TYPE,
    )
    return web.json_response({"ticket": ticket, "expires_in": TICKET_S}, status=201)
