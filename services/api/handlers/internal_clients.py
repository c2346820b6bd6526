"""``/internal/v1/clients`` and ``/bots``: OAuth clients, for auth (scope ``internal.auth``)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from services.api.handlers.internal_accounts import Guard, Handler, body_of, json_of
from services.api.store.clients import ClientStore, HandleTaken, OtherVersion, TooMany
from services.api.store.database import Database
from shared.client_records import ClientEntry, ClientPage, NewBot, NewSecret
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.internal import SCOPE_AUTH
from shared.limits import PAGE_MAX
from shared.problems import Problem

DIGEST_CHARS: Final = 64  # hex SHA-256


def routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """The routes of this module; ``guard`` is called before every handler."""
    clients = ClientHandlers(ClientStore(database))

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await guard(request, SCOPE_AUTH)
            return await handler(request)

        return checked

    base = "/internal/v1"
    one = f"{base}/clients/{{client_id}}"
    return [
        web.get(f"{base}/clients", guarded(clients.page)),
        web.get(one, guarded(clients.find)),
        web.put(one, guarded(clients.put)),
        web.delete(one, guarded(clients.delete)),
        web.put(f"{one}/secrets/{{secret}}", guarded(clients.add_secret)),
        web.delete(f"{one}/secrets/{{secret}}", guarded(clients.remove_secret)),
        web.post(f"{base}/bots", guarded(clients.create_bot)),
        web.delete(f"{base}/bots/{{user}}", guarded(clients.disable_bot)),
    ]


class ClientHandlers:
    """Clients, their secrets, and bots."""

    def __init__(self, clients: ClientStore) -> None:
        self._clients = clients

    async def page(self, request: web.Request) -> web.Response:
        """GET /internal/v1/clients?after=&limit= or ?owner=U: 200 ClientPage."""
        if owner := request.query.get("owner"):
            return json_of(ClientPage(await self._clients.bots(owner)))
        limit = request.query.get("limit", str(PAGE_MAX))
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= PAGE_MAX):
            raise Problem(ErrorCode.INVALID, f"From 1 to {PAGE_MAX}.", field="limit")
        found = await self._clients.page(request.query.get("after", ""), int(limit))
        return json_of(ClientPage(found, found[-1].client_id if len(found) == int(limit) else ""))

    async def find(self, request: web.Request) -> web.Response:
        """GET /internal/v1/clients/{client_id}: 200 ClientRecord, 404."""
        found = await self._clients.find(request.match_info["client_id"])
        if found is None:
            raise _not_found()
        return json_of(found)

    async def put(self, request: web.Request) -> web.Response:
        """PUT /internal/v1/clients/{client_id}: 200 ClientRecord, 409, 422."""
        entry = await body_of(request, ClientEntry)
        if entry.client_id != request.match_info["client_id"] or entry.kind == "bot":
            raise Problem(ErrorCode.INVALID, "Another client, or a bot.", field="client_id")
        try:
            return json_of(await self._clients.put(entry))
        except OtherVersion:
            raise Problem(
                ErrorCode.CONFLICT, "The client exists, or was changed meanwhile.", field="version"
            ) from None
        except TooMany:
            raise Problem(
                ErrorCode.INVALID, "There are too many clients.", field="client_id"
            ) from None

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /internal/v1/clients/{client_id}: 204, 404."""
        if not await self._clients.delete(request.match_info["client_id"]):
            raise _not_found()
        return web.Response(status=204)

    async def add_secret(self, request: web.Request) -> web.Response:
        """PUT /internal/v1/clients/{client_id}/secrets/{secret}: 204, 404."""
        secret = await body_of(request, NewSecret)
        info = request.match_info
        if not is_id(info["secret"]) or not _is_digest(secret.digest) or secret.overlap_s < 0:
            raise Problem(ErrorCode.INVALID, "Not a secret's record.", field="digest")
        if not await self._clients.add_secret(info["client_id"], info["secret"], secret):
            raise _not_found()
        return web.Response(status=204)

    async def remove_secret(self, request: web.Request) -> web.Response:
        """DELETE /internal/v1/clients/{client_id}/secrets/{secret}: 204, 404."""
        info = request.match_info
        if not await self._clients.remove_secret(info["client_id"], info["secret"]):
            raise _not_found()
        return web.Response(status=204)

    async def create_bot(self, request: web.Request) -> web.Response:
        """POST /internal/v1/bots: 201 ClientRecord, 409."""
        bot = await body_of(request, NewBot)
        if not (is_id(bot.user) and (not bot.owner or is_id(bot.owner))):
            raise Problem(ErrorCode.INVALID, "Not an id.", field="user")
        try:
            return json_of(await self._clients.create_bot(bot), status=201)
        except HandleTaken:
            raise Problem(ErrorCode.CONFLICT, "The handle is taken.", field="handle") from None
        except TooMany:
            raise Problem(ErrorCode.CONFLICT, "No more bots.", field="owner") from None

    async def disable_bot(self, request: web.Request) -> web.Response:
        """DELETE /internal/v1/bots/{user}: 204, 404."""
        if not await self._clients.disable_bot(request.match_info["user"]):
            raise _not_found()
        return web.Response(status=204)


def _is_digest(text: str) -> bool:
    return len(text) == DIGEST_CHARS and set(text) <= set("0123456789abcdef")


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is no such client.")
