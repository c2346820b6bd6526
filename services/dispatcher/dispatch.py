"""From entries of the events streams to entries of the gateways' streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

import msgspec

from services.dispatcher.confirming import Confirming
from services.dispatcher.domain.membership import MemberCache, Members
from services.dispatcher.domain.ordering import Gap
from services.dispatcher.domain.routing import Outgoing, Router
from services.dispatcher.fetching import Fetching, Unknown
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.mirror import MirrorTail
from services.dispatcher.partition import Entry, Item, Owned, Partition
from services.dispatcher.publisher import Outbound, Publisher, outbounds
from shared import tracing
from shared.crashpoints import crash_here
from shared.entries import RoutedEvent
from shared.ids import EVERYBODY
from shared.logs import get_logger
from shared.partitions import partition_of
from shared.redis_client import Entries, RedisError
from shared.service_client import ApiUnavailable

GAP_MAX: Final = 1_000  # a longer gap is left to the clients, who page through history anyway
GAP_RETRY_S: Final = 0.5
LATE_RETRY_S: Final = 0.2
TICK_S: Final = 0.02  # how exactly the time is kept that an event waits for the one before it
TURN_ENTRIES: Final = 256  # at most, of up to 64 events: other tasks must have their turn, too

MembersMoved = Callable[[Partition, RoutedEvent], None]


class _Batch:
    """What one turn has routed and not yet written."""

    def __init__(self) -> None:
        self.outgoing: dict[Partition, Outgoing] = {}
        self.settled: list[tuple[Partition, Entry | None]] = []
        self.events = 0
        self.offline = 0
        self.oldest_ms = 0
        self.started_ns = time.time_ns()
        self.traces: list[str] = []


class Dispatch:
    """Orders, resolves, routes, writes, confirms: in turns, one at a time.

    A turn drains the presence changes (the barrier of :mod:`services.dispatcher.mirror`), routes
    without awaiting, and writes. Since turns never overlap, what is routed first is written first.
    """

    def __init__(
        self,
        owned: Owned,
        cache: MemberCache,
        router: Router,
        mirror: MirrorTail,
        publisher: Publisher,
        fetching: Fetching,
        confirming: Confirming,
        metrics: DispatcherMetrics,
        members_moved: MembersMoved,
        lost: Callable[[Partition], None],
    ) -> None:
        self._owned = owned
        self._cache = cache
        self._router = router
        self._mirror = mirror
        self._publisher = publisher
        self._fetching = fetching
        self._confirming = confirming
        self._metrics = metrics
        self._members_moved = members_moved
        self._lost = lost
        self._turn = asyncio.Lock()
        self._late: list[Callable[[_Batch], None]] = []  # what fetches have brought
        self._late_event = asyncio.Event()

    async def take(self, batches: Iterable[tuple[Partition, Entries]]) -> None:
        """Take entries in and see them through, as far as members are known.

        Raises RedisError; what was not written then stays pending and is taken up again.
        """
        turn: list[tuple[Partition, Entries]] = []
        size = 0
        for partition, entries in batches:
            for start in range(0, len(entries), TURN_ENTRIES):
                part = entries[start : start + TURN_ENTRIES]
                if size and size + len(part) > TURN_ENTRIES:
                    await self._take_turn(turn)
                    turn, size = [], 0
                turn.append((partition, part))
                size += len(part)
        if turn:
            await self._take_turn(turn)

    async def run_late(self) -> None:
        """Route what had to wait for api. Runs until cancelled."""
        while True:
            timeout_s = TICK_S if any(partition.ordering.gaps for partition in self._owned) else 1.0
            try:
                async with asyncio.timeout(timeout_s):
                    await self._late_event.wait()
            except TimeoutError:
                pass
            self._late_event.clear()
            self._fetch_gaps()
            if self._late:
                try:
                    await self._take_late()
                except RedisError as error:  # nothing was taken yet: try again
                    get_logger().warning("late_turn_failed", error=str(error))
                    await asyncio.sleep(LATE_RETRY_S)
                    self._late_event.set()

    def forget_members(self, conversation: str) -> None:
        """What was known of a conversation's members no longer holds."""
        self._cache.drop(conversation)
        self._router.forget(conversation)

    def forget_partition(self, number: int, partitions: int) -> None:
        """A partition was somebody else's for a while: its members may have changed unseen."""
        stale = [name for name in self._cache if partition_of(name, partitions) == number]
        for conversation in stale:
            self.forget_members(conversation)

    def remember_members(self, conversation: str, members: Members) -> None:
        """Keep a list that api has just given."""
        self._router.forget(conversation)
        for evicted in self._cache.put(conversation, members):
            self._router.forget(evicted)

    def spawn(self, partition: Partition, coroutine: Coroutine[Any, Any, None]) -> None:
        """A task that ends with the ownership of the partition."""
        task = asyncio.create_task(coroutine, name=f"fetch p{partition.number}")
        partition.tasks.add(task)
        task.add_done_callback(lambda done: _ended(partition, done))

    # --- a turn ---------------------------------------------------------------------------------

    async def _take_turn(self, batches: Iterable[tuple[Partition, Entries]]) -> None:
        async with self._turn:
            await self._mirror.drain()
            batch = _Batch()
            for partition, entries in batches:
                self._admit(partition, entries, batch)
            await self._write(batch)

    async def _take_late(self) -> None:
        async with self._turn:
            await self._mirror.drain()
            batch = _Batch()
            late, self._late = self._late, []
            for apply in late:
                apply(batch)
            await self._write(batch)

    def _admit(self, partition: Partition, entries: Entries, batch: _Batch) -> None:
        if not partition.active:
            return  # left pending for the new owner
        ready, repeats = partition.admit(entries, time.monotonic())
        if repeats:
            self._metrics.repeats.inc(repeats)
        self._route(partition, ready, batch)

    def _route(self, partition: Partition, items: Iterable[Item], batch: _Batch) -> None:
        outgoing = batch.outgoing.setdefault(partition, {})
        waiting = partition.waiting
        cache = self._cache
        for item in items:
            event = item[0]
            members = None
            if waiting and event.conversation in waiting:
                waiting[event.conversation].append(item)
                continue
            if event.pair is None:
                members = cache.get(event.conversation)
                if members is None or not members.covers(event.seq):
                    waiting[event.conversation] = [item]
                    self.spawn(partition, self._fetch_members(partition, event))
                    continue
            try:
                self._route_one(partition, event, members, outgoing, batch)
            except Exception as error:
                get_logger().exception("routing_failed", conversation=event.conversation)
                partition.fail(item, f"{type(error).__name__}: {error}"[:200])
            else:
                batch.settled.append((partition, item[1]))

    def _route_one(
        self,
        partition: Partition,
        event: RoutedEvent,
        members: Members | None,
        outgoing: Outgoing,
        batch: _Batch,
    ) -> None:
        if EVERYBODY in event.left:
            event = msgspec.structs.replace(event, left=list(members.current) if members else [])
        if members is not None:
            before = len(members)
            if members.apply(event.seq, event.joined, event.left):
                self._cache.resized(len(members) - before)
                self._router.members_changed(event.conversation, members, event.left)
        if event.joined or event.left:
            self._members_moved(partition, event)
        batch.offline += self._router.route(event, members, outgoing)
        batch.events += 1
        if tracing.active is not None:
            batch.traces.append(event.trace)
        if not batch.oldest_ms or event.committed_ms < batch.oldest_ms:
            batch.oldest_ms = event.committed_ms

    async def _write(self, batch: _Batch) -> None:
        """Write what was routed; what is written is confirmed soon after."""
        left = [
            outbound
            for partition, outgoing in batch.outgoing.items()
            if not partition.dropped
            for outbound in outbounds(partition.lease, outgoing)
        ]
        metrics = self._metrics
        deliveries = 0
        abandoned: set[int] = set()
        while left:
            published = await self._publisher.publish(left)
            deliveries += sum(len(outbound.items) for outbound in left)
            for outbound in published.vanished + published.abandoned:
                deliveries -= len(outbound.items)
            abandoned.update(outbound.lease.partition for outbound in published.abandoned)
            left = self._reroute(published.vanished, batch)
        crash_here("dispatcher.after_xadd")
        for partition, entry in batch.settled:
            if partition.number in abandoned:
                # Not written, hence not to be confirmed: it is the next owner's.
                self._lost(partition)
            else:
                partition.settle(entry)
        if batch.events:
            metrics.routed.inc(batch.events)
            metrics.deliveries.inc(deliveries)
            metrics.latency.observe(max(0.0, time.time() - batch.oldest_ms / 1000))
        if batch.offline:
            metrics.offline.inc(batch.offline)
        if tracing.active is not None:
            tracing.active.record("dispatcher.route", batch.traces, batch.started_ns)
        self._confirming.soon()

    def _reroute(self, vanished: list[Outbound], batch: _Batch) -> list[Outbound]:
        """A gateway is gone, and the news has not come yet: its users may be elsewhere."""
        for gateway in {outbound.gateway for outbound in vanished}:
            get_logger().warning("gateway_stream_gone", gateway=gateway)
            self._mirror.drop(gateway)
        again: list[Outbound] = []
        for outbound in vanished:
            outgoing: Outgoing = {}
            batch.offline += self._router.again(outbound.items, outgoing)
            again += outbounds(outbound.lease, outgoing)
        return again

    # --- what has to be fetched -----------------------------------------------------------------

    async def _fetch_members(self, partition: Partition, event: RoutedEvent) -> None:
        try:
            members = await self._fetching.members(event.conversation, event.seq)
        except Unknown:
            members = None
        self._bring(lambda batch: self._members_here(partition, event, members, batch))

    def _members_here(
        self, partition: Partition, event: RoutedEvent, members: Members | None, batch: _Batch
    ) -> None:
        if not partition.active:
            return
        items = partition.waiting.pop(event.conversation)
        if members is None:
            get_logger().warning("conversation_unknown", conversation=event.conversation)
            self._discard(partition, items, batch)
            return
        self.remember_members(event.conversation, members)
        # The list was asked for after this event was committed. If api has not got that far, its
        # database is another one now (restored from a backup), and the event is none of it.
        beyond = [item for item in items[:1] if item[0].seq > members.as_of + 1]
        self._discard(partition, beyond, batch)
        self._route(partition, items[len(beyond) :], batch)

    def _discard(self, partition: Partition, items: Sequence[Item], batch: _Batch) -> None:
        self._metrics.unknown.inc(len(items))
        batch.settled += [(partition, entry) for _, entry in items]

    def _fetch_gaps(self) -> None:
        now = time.monotonic()
        for partition in self._owned:
            for gap in partition.ordering.overdue(now):
                self.spawn(partition, self._fetch_gap(partition, gap))

    async def _fetch_gap(self, partition: Partition, gap: Gap) -> None:
        events: list[RoutedEvent] = []
        if gap.size <= GAP_MAX:
            try:
                events = await self._fetching.events(gap)
            except Unknown:
                pass
            except ApiUnavailable as error:
                get_logger().warning("gap_unavailable", error=str(error))
                partition.ordering.ask_again(gap.conversation, time.monotonic() + GAP_RETRY_S)
                return
        self._bring(lambda batch: self._gap_here(partition, gap, events, batch))

    def _gap_here(
        self, partition: Partition, gap: Gap, events: list[RoutedEvent], batch: _Batch
    ) -> None:
        if not partition.active:
            return
        now = time.monotonic()
        filled = partition.fill(events, now)
        self._metrics.gaps_filled.inc(len(events))
        self._route(partition, filled, batch)
        if len(events) < gap.size:
            skipped = partition.skip(gap, now)
            if skipped is not None:
                get_logger().warning("gap_skipped", conversation=gap.conversation, size=gap.size)
                self._metrics.gaps_skipped.inc()
                partition.watching.forget(gap.conversation)
                self._route(partition, skipped, batch)

    def _bring(self, apply: Callable[[_Batch], None]) -> None:
        self._late.append(apply)
        self._late_event.set()


def _ended(partition: Partition, task: asyncio.Task[None]) -> None:
    partition.tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        get_logger().error("fetch_failed", partition=partition.number, exc_info=error)
