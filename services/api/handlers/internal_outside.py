"""``/internal/v1/outside``: identities at OpenID providers outside, for auth (scope
``internal.auth``). In bodies, not in paths: paths are logged."""

from __future__ import annotations

from aiohttp import web

from services.api.handlers.internal_accounts import Guard, Handler, body_of, json_of
from services.api.store.accounts import AccountStore
from services.api.store.database import Database
from services.api.store.outside import IdentityTaken, OutsideStore
from shared.codes import ErrorCode
from shared.internal import (
    SCOPE_AUTH,
    OutsideIdentities,
    OutsideLink,
    OutsideQuery,
    OutsideUnlink,
)
from shared.problems import Problem


def routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """The routes of this module; ``guard`` is called before every handler."""
    outside = OutsideHandlers(OutsideStore(database), AccountStore(database))

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await guard(request, SCOPE_AUTH)
            return await handler(request)

        return checked

    base = "/internal/v1/outside"
    return [
        web.post(f"{base}/find", guarded(outside.find)),
        web.get(f"{base}/of/{{user}}", guarded(outside.of)),
        web.post(f"{base}/link", guarded(outside.link)),
        web.post(f"{base}/unlink", guarded(outside.unlink)),
    ]


class OutsideHandlers:
    """Links between accounts and identities."""

    def __init__(self, outside: OutsideStore, accounts: AccountStore) -> None:
        self._outside = outside
        self._accounts = accounts

    async def find(self, request: web.Request) -> web.Response:
        """POST /internal/v1/outside/find: 200 Account, 404."""
        query = await body_of(request, OutsideQuery)
        owner = await self._outside.owner(query.issuer, query.subject)
        account = await self._accounts.by_id(owner) if owner else None
        if account is None:
            raise _not_found()
        return json_of(account)

    async def of(self, request: web.Request) -> web.Response:
        """GET /internal/v1/outside/of/{user}: 200 OutsideIdentities."""
        return json_of(OutsideIdentities(await self._outside.of(request.match_info["user"])))

    async def link(self, request: web.Request) -> web.Response:
        """POST /internal/v1/outside/link: 204, 404, 409 when it is someone else's."""
        link = await body_of(request, OutsideLink)
        try:
            found = await self._outside.link(link.user, link.issuer, link.subject, link.label)
        except IdentityTaken:
            raise Problem(ErrorCode.CONFLICT, "It is linked already.", field="subject") from None
        if not found:
            raise _not_found()
        return web.Response(status=204)

    async def unlink(self, request: web.Request) -> web.Response:
        """POST /internal/v1/outside/unlink: 204, 404."""
        which = await body_of(request, OutsideUnlink)
        if not await self._outside.unlink(which.user, which.issuer):
            raise _not_found()
        return web.Response(status=204)


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is no such account or identity.")
