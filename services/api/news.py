"""What dispatchers must hear of people at once: who may see whom, and what others see of them.

It goes over the stream of presence changes, which every dispatcher follows. It may be lost: what
dispatchers remember of people has a bounded age, and a profile is read anew when it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Redis

from shared.entries import FIELD, PersonChange, PresenceChange, packed
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.redis_lane import Lane

STREAM_MAXLEN: Final = 100_000  # as gateways trim it
WAITING_MAX: Final = 1_000
BATCH_MAX: Final = 100


class News:
    """Writes news of people, one round trip at a time."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._lane = Lane(redis)
        self._key = keys.presence_changes()
        self._waiting: list[PersonChange] = []
        self._wake = asyncio.Event()

    def of(self, users: Iterable[str], frame: bytes = b"") -> None:
        """Something about these people has changed; ``frame`` is for those who follow them."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting += [PersonChange(user, frame) for user in users]
            self._wake.set()

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._wake.wait()
            some, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            if not self._waiting:
                self._wake.clear()
            entry = packed(PresenceChange("", people=some))
            try:
                await self._lane.one(
                    "XADD", self._key, "MAXLEN", "~", STREAM_MAXLEN, "*", FIELD, entry
                )
            except RedisError as error:
                get_logger().warning("news_dropped", people=len(some), error=str(error))
