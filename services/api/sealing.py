"""Keeps what the search looks at first up to date, beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from services.api.store.conversations import LOWEST_ID
from services.api.store.errors import StoreError
from services.api.store.signatures import Signatures
from shared.logs import get_logger

INTERVAL_S: Final = 2.0
ROUND_S: Final = 3600.0  # for what other replicas have noticed and not lived to do
NOTICED_MAX: Final = 100_000  # beyond, the next round finds them


class Sealer:
    """Seals conversations that have new events. Until then their messages are read one by one, so
    that the search misses nothing."""

    def __init__(self, signatures: Signatures, *, interval_s: float = INTERVAL_S) -> None:
        self._signatures = signatures
        self._interval_s = interval_s
        self._noticed: set[str] = set()

    def notice(self, conversations: Iterable[str]) -> None:
        """Something was written to these."""
        if len(self._noticed) < NOTICED_MAX:
            self._noticed.update(conversations)

    async def run(self) -> None:
        """Seal what was noticed, and now and then look for all that is behind; for ever."""
        loop = asyncio.get_running_loop()
        next_round = loop.time()
        after = LOWEST_ID
        while True:
            try:
                if loop.time() >= next_round:
                    found, after = await self._signatures.behind(after)
                    self.notice(found)
                    if not after:
                        after, next_round = LOWEST_ID, loop.time() + ROUND_S
                await self.seal()
            except StoreError as error:
                get_logger().warning("search_not_sealed", error=str(error))
            await asyncio.sleep(self._interval_s)

    async def seal(self) -> None:
        """All that was noticed until now."""
        todo, self._noticed = self._noticed, set()
        while todo:
            conversation = todo.pop()
            try:
                # Between two turns the lock is free for those who want to write.
                more = True
                while more:
                    more = await self._signatures.seal(conversation)
            except StoreError:
                self._noticed |= todo | {conversation}
                raise
