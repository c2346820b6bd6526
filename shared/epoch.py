"""Notices that Redis is no longer the Redis it was: wiped, restarted, or failed over.

After any of these, entries and keys may be missing. Whoever keeps state in Redis then rebuilds it
and has clients sync; PostgreSQL holds what was acknowledged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from shared.ids import new_id
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError

POLL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """One uninterrupted life of Redis's content, as far as can be told."""

    run_id: str  # changes when the server restarts, or another one takes over
    value: str  # of the epoch key: changes when the content was wiped


class EpochWatch:
    """Polls Redis for its epoch."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._key = keys.epoch()

    async def current(self) -> Epoch:
        """The epoch now; begins one when the key is missing.

        Raises RedisError.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(self._key, new_id(), nx=True)
            pipe.get(self._key)
            pipe.info("server")
            _, value, info = await pipe.execute()
        return Epoch(run_id=str(info["run_id"]), value=bytes(value or b"").decode())

    async def wait_change(self, known: Epoch) -> Epoch:
        """Wait until the epoch differs from ``known``. An unreachable Redis is waited for."""
        while True:
            try:
                epoch = await self.current()
            except RedisError as error:
                get_logger().warning("redis_unreachable", error=str(error))
            else:
                if epoch != known:
                    get_logger().warning("redis_epoch_changed", was=known, now=epoch)
                    return epoch
            await asyncio.sleep(POLL_S)
