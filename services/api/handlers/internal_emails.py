"""``/internal/v1/accounts/{user}/email`` and ``/internal/v1/emails``, for auth (scope
``internal.auth``)."""

from __future__ import annotations

from aiohttp import web

from services.api.handlers.internal_accounts import Guard, Handler, body_of, json_of
from services.api.store.accounts import AccountStore
from services.api.store.database import Database
from services.api.store.emails import EmailStore, EmailTaken
from shared.codes import ErrorCode
from shared.internal import SCOPE_AUTH, EmailChange, EmailQuery
from shared.problems import Problem


def routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """The routes of this module; ``guard`` is called before every handler."""
    emails = EmailHandlers(EmailStore(database), AccountStore(database))

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await guard(request, SCOPE_AUTH)
            return await handler(request)

        return checked

    one = "/internal/v1/accounts/{user}/email"
    return [
        web.put(one, guarded(emails.put)),
        web.delete(one, guarded(emails.delete)),
        web.post("/internal/v1/emails/find", guarded(emails.find)),
    ]


class EmailHandlers:
    """Proved addresses."""

    def __init__(self, emails: EmailStore, accounts: AccountStore) -> None:
        self._emails = emails
        self._accounts = accounts

    async def put(self, request: web.Request) -> web.Response:
        """PUT /internal/v1/accounts/{user}/email: 204, 404, 409 when it is someone else's."""
        change = await body_of(request, EmailChange)
        try:
            found = await self._emails.put(request.match_info["user"], change.address, change.key)
        except EmailTaken:
            raise Problem(ErrorCode.CONFLICT, "The address is taken.", field="address") from None
        if not found:
            raise _not_found()
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /internal/v1/accounts/{user}/email: 204, 404."""
        if not await self._emails.delete(request.match_info["user"]):
            raise _not_found()
        return web.Response(status=204)

    async def find(self, request: web.Request) -> web.Response:
        """POST /internal/v1/emails/find: 200 Account, 404. Not in the path: paths are logged."""
        query = await body_of(request, EmailQuery)
        owner = await self._emails.owner(query.key)
        account = await self._accounts.by_id(owner) if owner else None
        if account is None:
            raise _not_found()
        return json_of(account)


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is no such account or address.")
