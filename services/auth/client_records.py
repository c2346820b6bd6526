"""Registered clients: api keeps them, auth asks by internal HTTP. Like
:mod:`services.auth.accounts`, every call is idempotent."""

from __future__ import annotations

from shared.client_records import ClientEntry, ClientPage, ClientRecord, NewBot, NewSecret
from shared.service_client import ApiClient, ApiRefused

_BASE = "/internal/v1/clients"


class NotStored(Exception):
    """api did not take a client, and which field is why."""

    def __init__(self, refused: ApiRefused) -> None:
        super().__init__(refused.detail)
        self.conflict = refused.status == 409
        self.detail = refused.detail
        self.field = refused.field


class ClientRecords:
    """What auth asks of api about clients. Every method raises ApiUnavailable."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def all(self) -> list[ClientRecord]:
        """All that are no bots; at most CLIENTS_MAX."""
        found: list[ClientRecord] = []
        after = ""
        while True:
            page = await self._api.call("GET", _BASE, None, ClientPage, params={"after": after})
            found += page.clients
            if not page.next:
                return found
            after = page.next

    async def find(self, client_id: str) -> ClientRecord | None:
        """One client, also a bot."""
        try:
            return await self._api.call("GET", f"{_BASE}/{client_id}", None, ClientRecord)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def put(self, entry: ClientEntry) -> ClientRecord:
        """Create (version 0) or change one. Raises :class:`NotStored`."""
        try:
            return await self._api.call("PUT", f"{_BASE}/{entry.client_id}", entry, ClientRecord)
        except ApiRefused as refused:
            raise NotStored(refused) from refused

    async def delete(self, client_id: str) -> None:
        """Remove one, with its secrets; gone before is as good."""
        await self._gone(f"{_BASE}/{client_id}")

    async def add_secret(self, client_id: str, secret: str, new: NewSecret) -> None:
        """One more secret, under an id that the caller has chosen."""
        path = f"{_BASE}/{client_id}/secrets/{secret}"
        await self._api.call("PUT", path, new, type(None))

    async def remove_secret(self, client_id: str, secret: str) -> None:
        """Take one back; gone before is as good."""
        await self._gone(f"{_BASE}/{client_id}/secrets/{secret}")

    async def bots_of(self, owner: str) -> list[ClientRecord]:
        """Someone's bots."""
        params: dict[str, str | int] = {"owner": owner}
        return (await self._api.call("GET", _BASE, None, ClientPage, params=params)).clients

    async def create_bot(self, bot: NewBot) -> ClientRecord:
        """A bot under an id that the caller has chosen. Raises :class:`NotStored`."""
        try:
            return await self._api.call("POST", "/internal/v1/bots", bot, ClientRecord)
        except ApiRefused as refused:
            raise NotStored(refused) from refused

    async def disable_bot(self, user: str) -> None:
        """End a bot for good."""
        await self._gone(f"/internal/v1/bots/{user}")

    async def _gone(self, path: str) -> None:
        try:
            await self._api.call("DELETE", path, None, type(None))
        except ApiRefused as refused:
            if refused.status != 404:
                raise
