"""Ended sessions are told to everybody who holds their sockets and tokens."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from redis.asyncio import Redis

from services.auth.metrics import AuthMetrics
from shared.entries import Revocation, encode
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.tasks import Background

# Twice the longest life of an access token: older revocations are of no use to anybody.
KEEP_S: Final = 600
RETRY_S: Final = 1.0


class Revocations:
    """Writes the stream that gateways and api follow."""

    def __init__(self, redis: Redis, keys: Keys, tasks: Background, metrics: AuthMetrics) -> None:
        self._redis = redis
        self._stream = keys.revocations()
        self._tasks = tasks
        self._metrics = metrics

    async def publish(self, revocation: Revocation) -> bool:
        """Tell that sessions have ended. False: Redis did not take it; it is tried again in the
        background for as long as a token of these sessions can live."""
        if not revocation.sessions:
            return True
        self._metrics.revocations.labels(revocation.reason).inc(len(revocation.sessions))
        get_logger().info(
            "sessions_revoked",
            sessions=revocation.sessions,
            user_id=revocation.user,
            reason=revocation.reason,
        )
        try:
            await self._add(revocation)
        except RedisError as error:
            get_logger().error("revocation_not_published", error=str(error))
            self._tasks.spawn("publish_revocation", self._insist(revocation), essential=False)
            return False
        return True

    async def _insist(self, revocation: Revocation) -> None:
        give_up = time.monotonic() + KEEP_S
        while time.monotonic() < give_up:
            await asyncio.sleep(RETRY_S)
            try:
                await self._add(revocation)
            except RedisError:
                continue
            return

    async def _add(self, revocation: Revocation) -> None:
        oldest_ms = int((time.time() - KEEP_S) * 1000)
        fields: Any = encode(revocation)  # redis-py's own type is not importable by name
        # Twice is harmless: readers keep a set.
        await self._redis.xadd(self._stream, fields, minid=f"{oldest_ms}-0", approximate=True)
