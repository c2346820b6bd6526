"""Sends again what was committed and did not reach Redis: the net under the publisher."""

from __future__ import annotations

import asyncio
from typing import Final

from services.api.metrics import ApiMetrics
from services.api.publisher import EventStreams
from services.api.store.errors import StoreError
from services.api.store.outbox import Outbox
from shared.logs import get_logger
from shared.redis_client import RedisError

INTERVAL_S: Final = 1.0
OVERDUE_S: Final = (
    1.0  # the fast path takes milliseconds; Redis's time-out is 2 s, repeats are fine
)
ROWS_MAX: Final = 50  # in one transaction, so that it stays short
WATCH_EVERY: Final = 5  # rounds between two looks at the size of the outbox


class Relay:
    """Runs in every replica; one at a time does the work."""

    def __init__(
        self,
        outbox: Outbox,
        streams: EventStreams,
        metrics: ApiMetrics,
        *,
        interval_s: float = INTERVAL_S,
        overdue_s: float = OVERDUE_S,
    ) -> None:
        self._outbox = outbox
        self._streams = streams
        self._metrics = metrics
        self._interval_s = interval_s
        self._overdue_s = overdue_s

    async def run(self) -> None:
        """Look for overdue events, for ever."""
        rounds = 0
        while True:
            try:
                if rounds % WATCH_EVERY == 0:
                    await self.watch()
                while await self.once():
                    pass
            except RedisError as error:
                self._metrics.publish_failures.labels("relay").inc()
                get_logger().warning("relay_waits_for_redis", error=str(error))
            except StoreError as error:
                get_logger().warning("relay_waits_for_postgres", error=str(error))
            rounds += 1
            await asyncio.sleep(self._interval_s)

    async def once(self) -> int:
        """Send the oldest overdue events; how many that were. Raises RedisError, StoreError."""
        await self._streams.reachable()  # before reading from PostgreSQL what cannot be sent
        async with self._outbox.overdue(self._overdue_s, ROWS_MAX) as events:
            if events:
                await self._streams.add(events)
        if events:
            self._metrics.published.labels("relay").inc(len(events))
            get_logger().warning("events_relayed", events=len(events))
        return len(events)

    async def watch(self) -> None:
        """Show operators how much waits."""
        backlog = await self._outbox.backlog()
        self._metrics.outbox_rows.set(backlog.rows)
        self._metrics.outbox_age_seconds.set(backlog.age_s)
