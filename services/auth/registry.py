"""All clients that may ask: those that the process brings along, and the registered ones.

Who has an id first keeps it: AgileIM's own clients, then those of the settings' files, then those
of the table. Registered ones are held in memory, as old as MAX_AGE_S at most, so that no request
waits for them. Bots may be many: they are looked up when they ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from services.auth.client_records import ClientRecords
from services.auth.domain.clients import Client, Clients
from services.auth.domain.registration import client_of, may_be_registered
from shared.ids import is_id
from shared.logs import get_logger
from shared.service_client import ApiRefused, ApiUnavailable

REFRESH_S: Final = 3.0
RETRY_S: Final = 1.0
FIRST_S: Final = 1.0  # api checks our token with our keys: first, this process has to listen
MAX_AGE_S: Final = 60.0  # without api nobody gets tokens for a registered client anyway


class Registry(Clients):
    """Clients by id. :meth:`run` keeps up with the table."""

    def __init__(
        self,
        clients: Iterable[Client],
        records: ClientRecords,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clients)
        self._records = records
        self._monotonic = monotonic
        self._registered: dict[str, Client] = {}
        self._known_at = float("-inf")
        self._reading = asyncio.Lock()

    def get(self, client_id: str) -> Client | None:
        """The client with this id, unless it is disabled or a bot.

        Raises ApiUnavailable: it may be registered, and that is not known.
        """
        found = super().get(client_id)
        if found is not None or not may_be_registered(client_id):
            return found
        if not self._is_fresh:
            raise ApiUnavailable("which clients are registered is not known")
        return self._registered.get(client_id)

    async def asking(self, client_id: str) -> Client | None:
        """As :meth:`get`, and bots as well. Raises ApiUnavailable."""
        if not is_id(client_id):
            await self.ready(client_id)
            return self.get(client_id)
        record = await self._records.find(client_id)
        if record is None or record.disabled:
            return None
        return client_of(record)

    async def ready(self, client_id: str) -> None:
        """Make sure that :meth:`get` knows about this id, if it can be known."""
        if client_id in self.ids or not may_be_registered(client_id) or self._is_fresh:
            return
        async with self._reading:
            if not self._is_fresh:
                with suppress(ApiUnavailable, ApiRefused):
                    await self.refresh()

    def is_taken(self, client_id: str) -> bool:
        """Whether the id is that of a client which is not in the table."""
        return client_id in self.ids

    @property
    def _is_fresh(self) -> bool:
        return self._monotonic() - self._known_at <= MAX_AGE_S

    @property
    def own(self) -> list[Client]:
        """The clients that are not in the table."""
        return list(self._by_id.values())

    async def refresh(self) -> None:
        """Read the table. Raises ApiUnavailable, ApiRefused."""
        asked_at = self._monotonic()
        records = await self._records.all()
        self._registered = {
            record.client_id: client_of(record) for record in records if not record.disabled
        }
        self._known_at = asked_at

    async def run(self) -> None:
        """Read the table again and again."""
        told = False
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.refresh()
            except (ApiUnavailable, ApiRefused) as error:  # an older api does not know the path
                if not told:
                    get_logger().warning("clients_unknown", error=str(error))
                told = True
                await asyncio.sleep(RETRY_S)
                continue
            told = False
            await asyncio.sleep(REFRESH_S)
