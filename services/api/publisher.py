"""From commit to stream: events go to Redis right after their commit, in order.

When Redis does not take them, nothing is lost: their rows stay in the outbox, and
:mod:`services.api.relay` sends them again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis

from services.api.metrics import ApiMetrics
from services.api.store.errors import StoreError
from services.api.store.outbox import Outbox
from shared import tracing
from shared.entries import FIELD, EventBatch, ReceiptSignal, RoutedEvent, packed
from shared.keys import Keys
from shared.logs import get_logger
from shared.partitions import partition_of
from shared.redis_client import RedisError
from shared.redis_lane import Lane

ENTRY_MAX_EVENTS: Final = 256
ENTRY_MAX_BYTES: Final = 256 * 1024  # an entry is read whole; small ones keep the owner responsive
QUEUE_MAX_EVENTS: Final = 20_000  # while Redis stalls; the rest is the relay's
FORGET_INTERVAL_S: Final = 0.25  # deletions wait for more; well below the relay's second
DRAIN_S: Final = 2.0
SIGNALS_MAXLEN: Final = 1000
SIGNALS_QUEUE_MAX: Final = 5000  # droppable: a mark that is not shown now is in the next sync


class EventStreams:
    """Writes events to the partitions' streams."""

    def __init__(self, redis: Redis, keys: Keys, partitions: int) -> None:
        self._redis = redis
        self._events = Lane(redis)
        self._signals = Lane(redis)  # of their own: they must not hold up events
        self._keys = keys
        self._partitions = partitions

    async def reachable(self) -> None:
        """Raises RedisError when Redis does not answer."""
        await self._redis.ping()

    async def add(self, events: Iterable[RoutedEvent]) -> None:
        """Add events, each conversation's in their order; one round trip.

        Raises RedisError when some may not have been added.
        """
        partitions: dict[int, list[RoutedEvent]] = {}
        for event in events:
            partition = partition_of(event.conversation, self._partitions)
            partitions.setdefault(partition, []).append(event)
        await self._events.run(
            [
                ("XADD", self._keys.events(partition), "*", FIELD, packed(EventBatch(chunk)))
                for partition, those in partitions.items()
                for chunk in chunks(those)
            ]
        )

    async def add_signals(self, signals: Iterable[ReceiptSignal]) -> None:
        """Add signals to their partitions' short streams. Raises RedisError."""
        await self._signals.run(
            [
                ("XADD", self._keys.signals(partition_of(signal.conversation, self._partitions)),
                 "MAXLEN", "~", SIGNALS_MAXLEN, "*", FIELD, packed(signal))
                for signal in signals
            ]
        )  # fmt: skip


def chunks(events: Sequence[RoutedEvent]) -> Iterator[list[RoutedEvent]]:
    """Events in the sizes in which they are written."""
    chunk: list[RoutedEvent] = []
    size = 0
    for event in events:
        if chunk and (len(chunk) >= ENTRY_MAX_EVENTS or size + len(event.frame) > ENTRY_MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += len(event.frame)
    if chunk:
        yield chunk


class Publisher:
    """Publishes what was committed; never makes a sender wait."""

    def __init__(
        self,
        streams: EventStreams,
        outbox: Outbox,
        metrics: ApiMetrics,
        noticed: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """``noticed`` is told of each conversation that was written to."""
        self._noticed = noticed
        self._streams = streams
        self._outbox = outbox
        self._metrics = metrics
        self._events: list[RoutedEvent] = []
        self._ids: list[int] = []
        self._done_ids: list[int] = []
        self._signals: list[ReceiptSignal] = []
        self._waiting = asyncio.Event()
        self._done = asyncio.Event()
        self._signalled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def offer(self, events: Sequence[RoutedEvent], outbox_ids: Sequence[int]) -> None:
        """Events of transactions that have been committed, with their outbox rows."""
        if not events:
            return
        self._noticed(event.conversation for event in events)
        if len(self._events) + len(events) > QUEUE_MAX_EVENTS:
            self._metrics.left_to_relay.inc(len(events))
            return
        self._events += events
        self._ids += outbox_ids
        self._waiting.set()
        self._idle.clear()

    def signal(self, signals: Sequence[ReceiptSignal]) -> None:
        """Marks that moved; dropped when too many wait."""
        if signals and len(self._signals) < SIGNALS_QUEUE_MAX:
            self._signals += signals
            self._signalled.set()

    async def publish(self) -> None:
        """Write events to the streams as they come, for ever."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            events, ids = self._events, self._ids
            self._events, self._ids = [], []
            started_ns = time.time_ns() if tracing.active is not None else 0
            try:
                await self._streams.add(events)
            except RedisError as error:
                self._metrics.publish_failures.labels("events").inc()
                get_logger().warning("events_not_published", events=len(events), error=str(error))
            else:
                self._metrics.published.labels("fast").inc(len(events))
                if started_ns and tracing.active is not None:
                    traces = (event.trace for event in events)
                    tracing.active.record("redis.publish", traces, started_ns)
                self._done_ids += ids
                self._done.set()
            if not self._events:
                self._idle.set()

    async def forget(self) -> None:
        """Delete outbox rows whose events are in the streams, for ever."""
        while True:
            await self._done.wait()
            await asyncio.sleep(FORGET_INTERVAL_S)
            await self._forget_now()

    async def publish_signals(self) -> None:
        """Write signals to the streams as they come, for ever."""
        while True:
            await self._signalled.wait()
            self._signalled.clear()
            signals, self._signals = self._signals, []
            try:
                await self._streams.add_signals(signals)
            except RedisError as error:
                self._metrics.publish_failures.labels("signals").inc()
                get_logger().warning("signals_dropped", signals=len(signals), error=str(error))

    async def drain(self) -> None:
        """At the end: publish what waits, but not for long; the relays of others do the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()
                await self._forget_now()

    async def _forget_now(self) -> None:
        self._done.clear()
        ids, self._done_ids = self._done_ids, []
        if not ids:
            return
        try:
            await self._outbox.forget(ids)
        except StoreError as error:  # the relay will send them again, and then forget them
            get_logger().warning("outbox_not_cleaned", rows=len(ids), error=str(error))
