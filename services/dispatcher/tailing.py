"""Follows the streams without groups: presence changes, and the owned partitions' signals."""

from __future__ import annotations

import asyncio
from typing import Final

from services.dispatcher.mirror import MirrorTail
from services.dispatcher.partition import Owned
from services.dispatcher.signals import WATCH_MS, Signals
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError, connect_blocking
from shared.redis_lane import blocking_lane, stream_entries

COUNT: Final = 500
PAUSE_S: Final = 0.5


class Tailing:
    """One blocking XREAD on a connection of its own. It takes nothing from anybody, so a call that
    is cut short loses nothing: positions are kept here."""

    def __init__(
        self, url: str, keys: Keys, owned: Owned, mirror: MirrorTail, signals: Signals,
        *, block_ms: int,
    ) -> None:  # fmt: skip
        self._redis = connect_blocking(url, block_ms)
        self._lane = blocking_lane(self._redis, block_ms)
        self._keys = keys
        self._owned = owned
        self._mirror = mirror
        self._signals = signals
        self._block_ms = block_ms
        self._positions: dict[int, tuple[int, bytes]] = {}  # partition → fence, last id

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            while True:
                try:
                    await self._read()
                except RedisError as error:
                    get_logger().warning("tail_failed", error=str(error))
                    await asyncio.sleep(PAUSE_S)
        finally:
            await self._redis.aclose()

    async def _read(self) -> None:
        streams: dict[str, str | bytes] = {}
        if self._mirror.loaded:
            streams[self._mirror.key] = self._mirror.position
        numbers: dict[bytes, int] = {}
        positions: dict[int, tuple[int, bytes]] = {}
        for partition in self._owned:
            number, fence = partition.number, partition.lease.fence
            known = self._positions.get(number)
            if known is None or known[0] != fence:
                # From before our time, for the watches that the former owner knew of.
                known = (fence, b"%d" % max(0, fence // 1000 - WATCH_MS))
            positions[number] = known
            key = self._keys.signals(number)
            streams[key] = known[1]
            numbers[key.encode()] = number
        self._positions = positions
        if not streams:
            await asyncio.sleep(self._block_ms / 1000)
            return
        answer = await self._lane.one(
            "XREAD", "COUNT", COUNT, "BLOCK", self._block_ms,
            "STREAMS", *streams.keys(), *streams.values(),
        )  # fmt: skip
        if self._mirror.key in streams:
            self._mirror.alive()
        for name, entries in stream_entries(answer):
            if name == self._mirror.key.encode():
                self._mirror.take(entries)
                continue
            number = numbers[name]
            fence = positions[number][0]
            positions[number] = (fence, entries[-1][0])
            owner = self._owned.get(number)
            if owner is not None and owner.lease.fence == fence:
                self._signals.take(owner, entries)
