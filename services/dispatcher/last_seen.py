"""When people were last here: told to api by the one dispatcher that owns a person's partition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.fetching import Fetching
from services.dispatcher.partition import Owned
from services.dispatcher.people import People
from shared.partitions import partition_of

EVERY_S: Final = 2.0
WAITING_MAX: Final = 50_000  # while api is away
ASKED_MAX: Final = 1_000


class LastSeen:
    """Gathers and reports. May lose some when this process dies: it is told anew next time."""

    def __init__(
        self, owned: Owned, mirror: PresenceMirror, people: People, fetching: Fetching,
        partitions: int,
    ) -> None:  # fmt: skip
        self._owned = owned
        self._mirror = mirror
        self._people = people
        self._fetching = fetching
        self._partitions = partitions
        self._waiting: dict[str, int] = {}

    def moved(self, users: Iterable[str]) -> None:
        """Users came or went."""
        now_ms = int(time.time() * 1000)
        for user in users:
            if self._mirror.online(user):
                continue
            self._people.left(user, now_ms)
            mine = self._owned.get(partition_of(user, self._partitions)) is not None
            if mine and len(self._waiting) < WAITING_MAX:
                self._waiting[user] = now_ms

    async def run(self) -> None:
        """Report, for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.report()

    async def report(self) -> None:
        """Report what has gathered; what api does not take waits for the next time."""
        while some := dict(list(self._waiting.items())[:ASKED_MAX]):
            if not await self._fetching.report_seen(some):
                return
            for user, at_ms in some.items():
                if self._waiting.get(user) == at_ms:
                    del self._waiting[user]
