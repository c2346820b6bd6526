"""Which partitions this process owns: takes its fair share, keeps it, hands over."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from services.dispatcher.domain import sharing
from services.dispatcher.leases import Lease, Leases
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.partition import Owned, Partition
from shared.logs import get_logger
from shared.redis_client import RedisError

POLL_IN_FLIGHT_S = 0.02


class Ownership:
    """Runs the leases. ``gain`` makes a partition ready to be read; ``confirm`` writes the
    outstanding XACKs; ``changed`` is told when there is more or less to read; ``read_ended`` waits
    until the read that is under way has brought what it brings."""

    def __init__(
        self,
        me: str,
        leases: Leases,
        owned: Owned,
        metrics: DispatcherMetrics,
        *,
        partitions: int,
        poll_s: float,
        renew_s: float,
        drain_s: float,
        gain: Callable[[Lease], Awaitable[None]],
        confirm: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
        read_ended: Callable[[], Awaitable[None]],
    ) -> None:
        self._me = me
        self._leases = leases
        self._owned = owned
        self._metrics = metrics
        self._partitions = partitions
        self._poll_s = poll_s
        self._renew_s = renew_s
        self._drain_s = drain_s
        self._gain = gain
        self._confirm = confirm
        self._changed = changed
        self._read_ended = read_ended
        self._renewed_at = 0.0
        self._handing_over: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self._turning = asyncio.Lock()

    async def run(self) -> None:
        """Runs until cancelled; while stopping, it only renews."""
        while True:
            try:
                async with self._turning:
                    await self.turn()
            except RedisError as error:
                get_logger().warning("ownership_unknown", error=str(error))
            for partition in self._owned:
                if not partition.lease.valid():
                    self.lost(partition)
            await asyncio.sleep(self._poll_s)

    async def turn(self) -> None:
        """One look at who lives and who owns what. Raises RedisError."""
        if time.monotonic() - self._renewed_at >= self._renew_s:
            await self._renew()
        if self._stopping:
            return
        living = await self._leases.heartbeat()
        others = [n for n in range(self._partitions) if self._owned.get(n) is None]
        free = await self._leases.free(others)
        keeping = [p.number for p in self._owned if p.number not in self._handing_over]
        plan = sharing.plan(self._me, living, self._partitions, keeping, free)
        for number in plan.release:
            partition = self._owned.get(number)
            if partition is not None:
                self._hand_over(partition)
        await self._acquire(plan.acquire)

    def lost(self, partition: Partition) -> None:
        """The lease is another one's, or ended: forget everything about the partition."""
        if partition.dropped:
            return
        get_logger().warning("partition_lost", partition=partition.number)
        self._drop(partition)

    async def stop(self) -> None:
        """Hand all partitions over, and tell the other dispatchers. Raises RedisError."""
        self._stopping = True
        async with self._turning:
            pass  # what the loop was just acquiring is ours now, too
        for partition in self._owned:
            self._hand_over(partition)
        await asyncio.gather(*self._handing_over.values(), return_exceptions=True)
        await self._leases.leave()

    def forget(self) -> None:
        """Redis is another one: no lease counts any more."""
        for partition in self._owned:
            self.lost(partition)
        self._renewed_at = 0.0

    async def _acquire(self, numbers: list[int]) -> None:
        for number in numbers:
            if self._stopping:
                return
            if lease := await self._leases.acquire(number):
                get_logger().info("partition_gained", partition=number, fence=lease.fence)
                await self._gain(lease)
                self._metrics.owned.set(len(self._owned))
                if time.monotonic() - self._renewed_at >= self._renew_s:
                    await self._renew()

    async def _renew(self) -> None:
        before = time.monotonic()
        partitions = [partition for partition in self._owned if partition.lease.valid()]
        lost = await self._leases.renew([partition.lease for partition in partitions])
        self._renewed_at = before
        for lease in lost:
            partition = self._owned.get(lease.partition)
            if partition is not None and partition.lease is lease:
                self.lost(partition)

    def _hand_over(self, partition: Partition) -> None:
        if partition.number not in self._handing_over:
            partition.reading = False
            task = asyncio.create_task(self._release(partition), name="hand over")
            self._handing_over[partition.number] = task
            task.add_done_callback(lambda _: self._handing_over.pop(partition.number))
            self._changed()

    async def _release(self, partition: Partition) -> None:
        """Finish what is in flight, as far as that is quick; the rest stays pending for the next
        owner."""
        end = time.monotonic() + self._drain_s
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._drain_s):
                    await self._read_ended()
            while partition.active and partition.in_flight and time.monotonic() < end:
                await self._confirm()
                if partition.in_flight:
                    await asyncio.sleep(POLL_IN_FLIGHT_S)
            released = await self._leases.release(partition.lease)
            get_logger().info("partition_released", partition=partition.number, ours=released)
        except RedisError as error:
            get_logger().warning("release_failed", error=str(error))
        self._drop(partition)

    def _drop(self, partition: Partition) -> None:
        self._owned.remove(partition)
        self._metrics.disown(partition.number)
        self._metrics.owned.set(len(self._owned))
        self._changed()
