"""Confirms entries whose events are all in the gateways' streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.partition import Owned, Partition
from services.dispatcher.scripts import ACK
from shared.keys import DISPATCH_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.redis_lane import Lane

ACK_MAX: Final = 1_000  # ids in one command; Lua's unpack has a limit of about 8,000
RETRY_S: Final = 0.2
GATHER_S: Final = 0.01  # nobody waits for a confirmation: let some come together


class Confirming:
    """One fenced XACK per partition at a time; what comes meanwhile goes with the next."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        owned: Owned,
        metrics: DispatcherMetrics,
        lost: Callable[[Partition], None],
    ) -> None:
        self._lane = Lane(redis)
        self._keys = keys
        self._owned = owned
        self._metrics = metrics
        self._lost = lost
        self._event = asyncio.Event()
        self._writing = asyncio.Lock()

    def soon(self) -> None:
        """There may be something to confirm."""
        self._event.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._event.wait()
            self._event.clear()
            try:
                await self.flush()
            except RedisError as error:
                get_logger().warning("confirm_failed", error=str(error))
                await asyncio.sleep(RETRY_S)
                self._event.set()
            await asyncio.sleep(GATHER_S)

    async def flush(self) -> None:
        """Confirm what is done. Raises RedisError; it is then tried again with the next."""
        async with self._writing:
            batches = [
                (partition, partition.done[:ACK_MAX]) for partition in self._owned if partition.done
            ]
            if not batches:
                return
            answers = await self._lane.run(
                [
                    ("EVAL", ACK, 2, self._keys.owner(partition.number), partition.key,
                     partition.lease.value, DISPATCH_GROUP, *identifiers)
                    for partition, identifiers in batches
                ]
            )  # fmt: skip
            for (partition, identifiers), answer in zip(batches, answers, strict=True):
                if answer == -1:
                    self._metrics.fenced.inc()
                    self._lost(partition)
                    continue
                del partition.done[: len(identifiers)]
                partition.confirmed(identifiers)
                if partition.done:
                    self._event.set()
