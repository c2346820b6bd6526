"""One blocking reader over all owned partitions, on a connection of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from redis.asyncio import Redis

from shared.keys import DISPATCH_CONSUMER, DISPATCH_GROUP
from shared.redis_client import Entries, RedisError
from shared.redis_lane import blocking_lane, stream_entries


class EventReader:
    """Reads new entries of many streams with one XREADGROUP.

    The call is never cancelled: what Redis had handed out by then would stay unseen in the pending
    entries. :meth:`wake` ends the waiting instead.
    """

    def __init__(self, redis: Redis, commands: Redis, *, block_ms: int, count: int) -> None:
        self._redis = redis
        self._lane = blocking_lane(redis, block_ms)
        self._commands = commands
        self._block_ms = block_ms
        self._count = count
        self._connection_id: int | None = None
        self._waiting = False

    async def read(self, streams: Sequence[str]) -> list[tuple[bytes, Entries]]:
        """New entries by stream, at most ``count`` of each; none after ``block_ms``.

        Raises RedisError; entries may then be pending that nobody has seen.
        """
        self._waiting = True
        try:
            if self._connection_id is None:
                self._connection_id = int(await self._lane.one("CLIENT", "ID"))
            answer = await self._lane.one(
                "XREADGROUP", "GROUP", DISPATCH_GROUP, DISPATCH_CONSUMER,
                "COUNT", self._count, "BLOCK", self._block_ms,
                "STREAMS", *streams, *[">"] * len(streams),
            )  # fmt: skip
        except RedisError:
            self._connection_id = None
            raise
        finally:
            self._waiting = False
        return stream_entries(answer)

    async def wake(self) -> None:
        """End a read that waits. When that fails, the read ends by itself after ``block_ms``."""
        if self._waiting and self._connection_id is not None:
            with contextlib.suppress(RedisError):
                await self._commands.client_unblock(self._connection_id)

    async def close(self) -> None:
        """Close the connection; no read may be under way."""
        await self._redis.aclose()
