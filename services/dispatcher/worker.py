"""The dispatcher as a whole: its parts, its tasks, and what happens when Redis is another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.dispatcher.confirming import Confirming
from services.dispatcher.dispatch import Dispatch
from services.dispatcher.domain.membership import MemberCache
from services.dispatcher.domain.ordering import Ordering
from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.domain.routing import Router
from services.dispatcher.domain.watching import Watching
from services.dispatcher.fetching import Fetching
from services.dispatcher.leases import Lease, Leases
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.mirror import MirrorTail
from services.dispatcher.ownership import Ownership
from services.dispatcher.partition import Owned, Partition
from services.dispatcher.publisher import Publisher
from services.dispatcher.reader import EventReader
from services.dispatcher.reaper import Reaper
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.signals import Signals
from services.dispatcher.tailing import Tailing
from services.dispatcher.upkeep import Upkeep
from shared.entries import PersonChange, RoutedEvent
from shared.epoch import Epoch, EpochWatch
from shared.ids import new_id
from shared.keys import DISPATCH_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import RedisError, connect, connect_blocking
from shared.service_client import ApiClient
from shared.tasks import Background

READ_COUNT: Final = 128  # entries of each stream in one read
PAUSE_S: Final = 0.2
# Under a steady trickle, turns begin this far apart; the first entry after a rest never waits.
TURN_MIN_S: Final = 0.003
FEW_ENTRIES: Final = 64
STALLED_S: Final = 10.0  # without a finished read for so long, the process is of no use


class Worker:
    """Owns partitions and routes their events until it is stopped."""

    def __init__(
        self, settings: DispatcherSettings, api: ApiClient, metrics: DispatcherMetrics
    ) -> None:
        url, keys = settings.redis_url, Keys(settings.key_prefix)
        self.id = f"{settings.instance}-{new_id()[-12:]}"
        self._settings = settings
        self._keys = keys
        self._metrics = metrics
        self._redis: Redis = connect(url)
        # Entries wait for nothing else: confirmations and leases have connections of their own.
        self._lease_redis: Redis = connect(url, max_connections=2)
        self._stopping = False
        self._turned_at = time.monotonic()
        self._readable = asyncio.Event()
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._epoch: Epoch | None = None
        self._epochs = EpochWatch(self._redis, keys)
        self.owned = Owned()
        mirror = PresenceMirror()
        cache = MemberCache(settings.memberships_max)
        router = Router(mirror)
        publisher = Publisher(self._redis, keys)
        fetching = Fetching(api, parallel=settings.member_loads)
        self.mirror = MirrorTail(self._redis, keys, mirror, self._presence_moved, self._news)
        self._confirming = Confirming(self._redis, keys, self.owned, metrics, self._lost)
        self._dispatch = Dispatch(
            self.owned, cache, router, self.mirror, publisher, fetching, self._confirming,
            metrics, self._members_moved, self._lost,
        )  # fmt: skip
        self._signals = Signals(
            self.owned, cache, router, mirror, publisher, fetching, self._dispatch, metrics,
            settings.partitions,
        )  # fmt: skip
        self._upkeep = Upkeep(
            self._redis, keys, self.owned, self._dispatch, metrics, self._lost,
            every_s=settings.upkeep_s, in_flight_max=settings.in_flight_max,
        )  # fmt: skip
        self._tailing = Tailing(
            url, keys, self.owned, self.mirror, self._signals, block_ms=settings.block_ms
        )
        self._reaper = Reaper(
            self._redis, keys, self.mirror, router, publisher, metrics,
            every_s=settings.poll_s, lock_s=2 * settings.lease_ttl_s,
        )  # fmt: skip
        self._reader = EventReader(
            connect_blocking(url, settings.block_ms), self._redis,
            block_ms=settings.block_ms, count=READ_COUNT,
        )  # fmt: skip
        leases = Leases(
            self._lease_redis, keys, self.id,
            ttl_s=settings.lease_ttl_s, margin_s=settings.lease_margin_s,
        )  # fmt: skip
        self._ownership = Ownership(
            self.id, leases, self.owned, metrics,
            partitions=settings.partitions, poll_s=settings.poll_s, renew_s=settings.renew_s,
            drain_s=settings.drain_s, gain=self._gain, confirm=self._confirming.flush,
            changed=self._changed, read_ended=self._read_ended,
        )  # fmt: skip

    def start(self, tasks: Background) -> None:
        """Start everything; needs a running loop."""

        def spawn(name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            return tasks.spawn(name, coroutine)

        self._reading = spawn("read", self._read_loop())
        spawn("wake", self._wake_reader())
        spawn("late", self._dispatch.run_late())
        spawn("confirm", self._confirming.run())
        spawn("upkeep", self._upkeep.run())
        spawn("tail", self._tailing.run())
        spawn("signals", self._signals.run())
        spawn("last seen", self._signals.last_seen.run())
        spawn("reaper", self._reaper.run())
        spawn("own", self._begin())
        spawn("epoch", self._watch_epoch())

    async def stop(self) -> None:
        """Finish what is in flight, release the partitions, end the reading."""
        try:
            await self._ownership.stop()
        except RedisError as error:
            get_logger().warning("stop_incomplete", error=str(error))
        self._stopping = True
        self._readable.set()
        await self._reader.wake()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections, once the tasks have ended."""
        await self._reader.close()
        await self._redis.aclose()
        await self._lease_redis.aclose()

    async def check(self) -> None:
        """Raises when this process does not do its work."""
        await self._redis.ping()
        if not self.mirror.loaded:
            raise RuntimeError("presence is not loaded yet")
        if time.monotonic() - self._turned_at > STALLED_S:
            raise RuntimeError("no read of the events has ended lately")

    def state(self) -> list[dict[str, Any]]:
        """What each owned partition is at, for operators."""
        return [
            {
                "partition": partition.number,
                "fence": partition.lease.fence,
                "in_flight": len(partition.in_flight),
                "waiting_conversations": len(partition.waiting),
                "gaps": partition.ordering.gaps,
                "watching_connections": len(partition.watching),
            }
            for partition in sorted(self.owned, key=lambda partition: partition.number)
        ]

    def forget_members(self, conversation: str) -> None:
        """Have a conversation's members loaded again."""
        self._dispatch.forget_members(conversation)

    # --- reading --------------------------------------------------------------------------------

    async def _read_loop(self) -> None:
        while not self._stopping:
            self._turned_at = time.monotonic()
            self._turned.set()
            self._turned = asyncio.Event()
            try:
                await self._read()
            except RedisError as error:
                await self._recover(error)

    async def _read(self) -> None:
        limit = self._settings.in_flight_max
        streams = [
            partition.key
            for partition in self.owned
            if partition.reading and partition.active and len(partition.in_flight) < limit
        ]
        self._metrics.waiting.set(sum(len(partition.waiting) for partition in self.owned))
        if not streams:
            await self._pause()
            return
        found = await self._reader.read(streams)
        read_at = time.monotonic()
        batches = []
        for key, entries in found:
            partition = self.owned.by_key(key)
            if partition is not None:
                batches.append((partition, entries))
        if batches:
            await self._dispatch.take(batches)
            if sum(len(entries) for _, entries in batches) < FEW_ENTRIES:
                # A turn costs the same for one entry as for some: let a few come together.
                await asyncio.sleep(max(0.0, read_at + TURN_MIN_S - time.monotonic()))

    async def _pause(self) -> None:
        """Nothing to read: wait for a partition, but look again soon."""
        self._readable.clear()
        try:
            async with asyncio.timeout(PAUSE_S):
                await self._readable.wait()
        except TimeoutError:
            pass

    async def _recover(self, error: RedisError) -> None:
        """After a failed read or write, entries may be pending that nobody works on."""
        get_logger().warning("read_failed", error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE_S)
        try:
            if isinstance(error, ResponseError) and str(error).startswith("NOGROUP"):
                await self._check_epoch()
                for partition in self.owned:
                    await self._ensure_group(partition.key)
            for partition in self.owned:
                if partition.reading:
                    await self._upkeep.recover(partition)
        except RedisError as again:
            get_logger().warning("recovery_failed", error=str(again))

    def _changed(self) -> None:
        """There is more or less to read than before."""
        self._readable.set()
        self._wake.set()

    async def _read_ended(self) -> None:
        """Wait until what the present read brings is in flight."""
        await self._turned.wait()

    async def _wake_reader(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._reader.wake()

    # --- ownership ------------------------------------------------------------------------------

    async def _begin(self) -> None:
        while True:
            try:
                self._epoch = await self._epochs.current()
                await self.mirror.load()
                break
            except RedisError as error:
                get_logger().warning("redis_unreachable", error=str(error))
                await asyncio.sleep(PAUSE_S)
        await self._ownership.run()

    async def _gain(self, lease: Lease) -> None:
        """A partition is ours: take up what is pending, then read what is new."""
        number = lease.partition
        key = self._keys.events(number)
        await self._ensure_group(key)
        self._dispatch.forget_partition(number, self._settings.partitions)
        partition = Partition(
            lease,
            key,
            Ordering(hold_s=self._settings.gap_hold_ms / 1000),
            Watching(self.mirror.mirror.state),
        )
        self.owned.add(partition)
        try:
            await self._upkeep.recover(partition)
        except BaseException:
            self._ownership.lost(partition)
            raise
        partition.reading = not partition.dropped
        self._changed()

    async def _ensure_group(self, key: str) -> None:
        """The group reads from the beginning of the stream: what was written before it is not
        routed yet."""
        try:
            await self._redis.xgroup_create(key, DISPATCH_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _lost(self, partition: Partition) -> None:
        self._ownership.lost(partition)

    def _presence_moved(self, users: set[str]) -> None:
        self._signals.presence_moved(users)

    def _news(self, changes: Sequence[PersonChange]) -> None:
        self._signals.news(changes)

    def _members_moved(self, partition: Partition, event: RoutedEvent) -> None:
        self._signals.members_moved(partition, event)

    # --- another Redis --------------------------------------------------------------------------

    async def _watch_epoch(self) -> None:
        while True:
            if self._epoch is None:
                await asyncio.sleep(PAUSE_S)
                continue
            await self._epochs.wait_change(self._epoch)
            try:
                await self._check_epoch()
            except RedisError as error:
                get_logger().warning("redis_unreachable", error=str(error))

    async def _check_epoch(self) -> None:
        """Start over when Redis was wiped, restarted, or failed over."""
        epoch = await self._epochs.current()
        if epoch == self._epoch:
            return
        self._epoch = epoch
        self._ownership.forget()
        await self.mirror.load()
