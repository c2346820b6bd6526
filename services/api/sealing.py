"""Keeps what the search looks at first up to date, beside the requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from services.api.store.conversations import LOWEST_ID
from services.api.store.errors import StoreError
from services.api.store.signatures import Signatures
from shared.logs import get_logger

INTERVAL_S: Final = 2.0
# A conversation in which people are writing waits: it would be sealed again at once, and sealing
# holds its lock.
QUIET_S: Final = 5.0
WAIT_MAX_S: Final = 60.0
ROUND_S: Final = 3600.0  # for what other replicas have noticed and not lived to do
NOTICED_MAX: Final = 100_000  # beyond, the next round finds them


class Sealer:
    """Seals conversations that have new events. Until then their messages are read one by one, so
    that the search misses nothing."""

    def __init__(self, signatures: Signatures, *, interval_s: float = INTERVAL_S) -> None:
        self._signatures = signatures
        self._interval_s = interval_s
        self._noticed: dict[str, tuple[float, float]] = {}  # → when first, when last

    def notice(self, conversations: Iterable[str]) -> None:
        """Something was written to these."""
        now = time.monotonic()
        if len(self._noticed) < NOTICED_MAX:
            for conversation in conversations:
                first, _ = self._noticed.get(conversation, (now, now))
                self._noticed[conversation] = (first, now)

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
                await self.seal(settled=True)
            except StoreError as error:
                get_logger().warning("search_not_sealed", error=str(error))
            await asyncio.sleep(self._interval_s)

    async def seal(self, *, settled: bool = False) -> None:
        """All that was noticed until now; ``settled``: that is quiet, or has waited for long."""
        now = time.monotonic()
        todo = [
            conversation
            for conversation, (first, last) in self._noticed.items()
            if not settled or now - last >= QUIET_S or now - first >= WAIT_MAX_S
        ]
        for conversation in todo:
            noticed = self._noticed.pop(conversation)
            try:
                # Between two turns the lock is free for those who want to write.
                more = True
                while more:
                    more = await self._signatures.seal(conversation)
            except StoreError:
                self._noticed.setdefault(conversation, noticed)
                raise
