"""What operators do about people's second factors, for their tool: ``/internal/v1/users`` of auth,
scope ``internal.admin``. The edge does not let it out.

    DELETE …/users/{user}/factors        none is left; all sessions and sign-ins end
    PUT    …/users/{user}/administrator  whether AGILEIM_SECOND_FACTOR=administrators means them

The header ``Agileim-Operator`` names who asks, for the audit.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from services.auth import audit
from services.auth.factors import Actor
from services.auth.handlers import own_sessions
from services.auth.handlers.clients import OPERATOR_HEADER, for_operators
from services.auth.resources import AUTH
from shared.codes import ErrorCode
from shared.factor_records import Administrator
from shared.internal import Account
from shared.problems import Problem

_OPERATOR_MAX_CHARS = 100


@for_operators
async def reset(request: web.Request) -> web.Response:
    """204, 404. For who has lost all of them, recovery codes included, and has shown who they
    are: from now on their password alone lets them in, or leads them through setting one up."""
    auth = request.app[AUTH]
    account = await _account(request)
    await auth.factors.reset(Actor(request, account), _operator(request))
    await auth.signins.end_all(account.user, auth.settings.signin_s)
    sessions = await own_sessions.sessions_of(request, account.user)
    await own_sessions.end_sessions(
        request, account.user, [one.session for one in sessions], audit.FACTORS_RESET
    )
    return web.Response(status=204)


@for_operators
async def set_administrator(request: web.Request) -> web.Response:
    """204, 404."""
    try:
        wanted = msgspec.json.decode(await request.read(), type=Administrator).administrator
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error), field="administrator") from None
    account = await _account(request)
    await request.app[AUTH].factors.set_administrator(
        request, account.user, _operator(request), wanted
    )
    return web.Response(status=204)


async def _account(request: web.Request) -> Account:
    account = await request.app[AUTH].accounts.by_id(request.match_info["user"])
    if account is None:
        raise Problem(ErrorCode.NOT_FOUND, "There is no such person.")
    return account


def _operator(request: web.Request) -> str:
    return request.headers.get(OPERATOR_HEADER, "")[:_OPERATOR_MAX_CHARS]
