"""Looks after the events streams: what is pending and nobody works on, what is dead, what can be
trimmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.dispatcher.dispatch import Dispatch
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.partition import Owned, Partition
from services.dispatcher.scripts import ACK, BURY_ENTRY, UPKEEP
from shared.keys import DISPATCH_CONSUMER, DISPATCH_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import Entries, RedisError

DELIVERED_MAX: Final = 5  # times an entry is tried that fails by its own fault
DEAD_MAX: Final = 10_000  # entries kept for operators
IDLE_MS: Final = 1_000
PAGE: Final = 1_000


class Upkeep:
    """A new owner takes up what is pending; later, entries that a deposed owner's last read has
    pulled are found by their idleness."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        owned: Owned,
        dispatch: Dispatch,
        metrics: DispatcherMetrics,
        lost: Callable[[Partition], None],
        *,
        every_s: float,
        in_flight_max: int,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._owned = owned
        self._dispatch = dispatch
        self._metrics = metrics
        self._lost = lost
        self._every_s = every_s
        self._idle_ms = min(IDLE_MS, int(every_s * 1000))
        self._in_flight_max = in_flight_max

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except RedisError as error:
                get_logger().warning("upkeep_failed", error=str(error))

    async def look(self) -> None:
        """Trim, measure, and take up what is pending and not worked on. Raises RedisError."""
        partitions = [partition for partition in self._owned if partition.reading]
        if not partitions:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                pipe.eval(
                    UPKEEP, 2, self._keys.owner(partition.number), partition.key,
                    partition.lease.value, DISPATCH_GROUP, self._idle_ms, PAGE,
                )  # fmt: skip
            reports = await pipe.execute(raise_on_error=False)
        for partition, report in zip(partitions, reports, strict=True):
            if isinstance(report, ResponseError):
                raise report
            if report == -1:
                self._lost(partition)
                continue
            pending, lag, _, idle = report
            label = str(partition.number)
            self._metrics.pending.labels(label).set(pending)
            self._metrics.stream_lag.labels(label).set(lag)
            if len(idle) < PAGE:
                await self._take_up(partition, idle)
            else:  # much waits for api, and may hide what nobody works on
                await self.recover(partition)

    async def recover(self, partition: Partition) -> None:
        """Take up everything that is pending and not in flight, oldest first: after a hand-over,
        and after a read that failed. Raises RedisError."""
        after = b"-"
        while not partition.dropped and len(partition.in_flight) < self._in_flight_max:
            found: list[dict[str, Any]] = await self._redis.xpending_range(
                partition.key, DISPATCH_GROUP, min=after, max="+", count=PAGE
            )
            rows = [
                [row["message_id"], row["consumer"], row["time_since_delivered"],
                 row["times_delivered"]]
                for row in found
            ]  # fmt: skip
            await self._take_up(partition, rows)
            if len(rows) < PAGE:
                return
            after = b"(" + rows[-1][0]

    async def _take_up(self, partition: Partition, rows: list[Any]) -> None:
        """``rows`` as XPENDING gives them: id, consumer, idle ms, times delivered."""
        wanted = []
        for identifier, _, _, delivered in rows:
            if identifier in partition.in_flight:
                continue
            if identifier in partition.faults and delivered > DELIVERED_MAX:
                await self._bury(partition, identifier)
            else:
                wanted.append(identifier)
        if not wanted or not partition.active:
            return
        answer = await self._redis.xclaim(
            partition.key, DISPATCH_GROUP, DISPATCH_CONSUMER, 0, wanted
        )
        # Redis before 7 answers with nothing in the place of an entry that was trimmed.
        entries = [row for row in cast(Entries, answer) if row[0] is not None and row[1]]
        cut = set(wanted) - {identifier for identifier, _ in entries}
        if cut:
            await self._give_up(partition, cut)
        self._metrics.redelivered.inc(len(entries))
        await self._dispatch.take([(partition, entries)])

    async def _bury(self, partition: Partition, identifier: bytes) -> None:
        reason = partition.faults.pop(identifier)
        get_logger().error("entry_dead", partition=partition.number, entry=identifier.decode(),
                           reason=reason)  # fmt: skip
        answer = await self._redis.eval(
            BURY_ENTRY, 3, self._keys.owner(partition.number), partition.key,
            self._keys.dead(partition.number), partition.lease.value, DISPATCH_GROUP, identifier,
            reason, DEAD_MAX,
        )  # fmt: skip
        if answer == -1:
            self._lost(partition)
        else:
            self._metrics.dead.inc()

    async def _give_up(self, partition: Partition, identifiers: set[bytes]) -> None:
        """Entries that were trimmed while they were pending: clients find the gap and fetch."""
        get_logger().error("entries_cut", partition=partition.number, entries=len(identifiers))
        self._metrics.cut.inc(len(identifiers))
        await self._redis.eval(
            ACK, 2, self._keys.owner(partition.number), partition.key, partition.lease.value,
            DISPATCH_GROUP, *identifiers,
        )  # fmt: skip
