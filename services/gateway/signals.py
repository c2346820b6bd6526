"""Typing and presence requests on their way to the partitions' owners: droppable."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from redis.asyncio import Redis

from services.gateway.metrics import GatewayMetrics
from services.gateway.stopping import Stop
from shared.entries import Signal, TypingSignal, WatchSignal, encode
from shared.keys import Keys
from shared.logs import get_logger
from shared.partitions import partition_of
from shared.redis_client import RedisError

WAITING_MAX: Final = 1_000
STREAM_MAXLEN: Final = 1_000


class Signals:
    """Writes signals, one pipeline at a time."""

    def __init__(
        self, redis: Redis, keys: Keys, partitions: int, metrics: GatewayMetrics, *, stop: Stop
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._partitions = partitions
        self._metrics = metrics
        self._stop = stop
        self._waiting: list[tuple[int, Signal]] = []
        self._wake = asyncio.Event()
        stop.wakes(self._wake.set)

    def typing(self, user: str, conversation: str, active: bool) -> None:
        """``user`` types, or has stopped."""
        partition = partition_of(conversation, self._partitions)
        self._put(partition, TypingSignal(conversation, user, active))

    def watch(self, connection: str, user: str, conversations: list[str], watched: int) -> int:
        """The connection follows exactly these conversations. ``watched`` is the bit set of the
        partitions that have some of it by the request before; returns the new one."""
        by_partition: dict[int, list[str]] = defaultdict(list)
        for conversation in conversations:
            by_partition[partition_of(conversation, self._partitions)].append(conversation)
        bits = 0
        for partition, some in by_partition.items():
            bits |= 1 << partition
            self._put(partition, WatchSignal(connection, user, some))
        for partition in range(self._partitions):
            if (watched & ~bits) >> partition & 1:
                self._put(partition, WatchSignal(connection, user, []))
        return bits

    def _put(self, partition: int, signal: Signal) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._metrics.signals_dropped += 1
            return
        self._waiting.append((partition, signal))
        self._wake.set()

    async def run(self) -> None:
        """Write until the service stops."""
        while not self._stop:
            self._wake.clear()
            await self._write()
            if not self._waiting:
                await self._wake.wait()

    async def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for partition, signal in waiting:
                    key = self._keys.signals(partition)
                    fields: Any = encode(signal)
                    pipe.xadd(key, fields, maxlen=STREAM_MAXLEN, approximate=True)
                await pipe.execute()
        except RedisError as error:
            self._metrics.signals_dropped += len(waiting)
            get_logger().warning("signals_dropped", count=len(waiting), error=str(error))
