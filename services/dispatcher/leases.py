"""Leases of partitions: one owner at a time, with a number that rises at each change of owner.

An owner that was stopped or cut off may go on for a moment without knowing that it is deposed.
Three things keep that harmless: it stops by its own clock before the lease can end, its XACKs are
refused, and gateways drop deliveries with a lower fence than they have seen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from services.dispatcher.scripts import ACQUIRE, HEARTBEAT, RELEASE, RENEW
from shared.keys import Keys


@dataclass(slots=True)
class Lease:
    """The right to route one partition until ``deadline`` (monotonic, s)."""

    partition: int
    fence: int
    value: str  # what stands in the owner key
    acquired_at: float
    deadline: float

    def valid(self) -> bool:
        """Whether the owner may still act on it."""
        return time.monotonic() < self.deadline

    def redis_ms(self) -> int:
        """Redis's clock now, reckoned from when the lease was acquired."""
        return self.fence // 1000 + int((time.monotonic() - self.acquired_at) * 1000)


class Leases:
    """Acquires, renews and releases leases for one dispatcher. Everything raises RedisError."""

    def __init__(
        self, redis: Redis, keys: Keys, dispatcher: str, *, ttl_s: float, margin_s: float
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._id = dispatcher
        self._ttl_ms = int(ttl_s * 1000)
        self._span_s = ttl_s - margin_s

    async def heartbeat(self) -> list[str]:
        """Say that this dispatcher lives. Returns the ids of all that do."""
        living = await self._redis.eval(
            HEARTBEAT, 1, self._keys.dispatchers(), self._id, self._ttl_ms
        )
        return [member.decode() for member in living]

    async def leave(self) -> None:
        """This dispatcher stops: the others share among themselves at once."""
        await self._redis.zrem(self._keys.dispatchers(), self._id)

    async def free(self, candidates: Sequence[int]) -> list[int]:
        """Those of the partitions that nobody owns."""
        if not candidates:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in candidates:
                pipe.get(self._keys.owner(partition))
            owners = await pipe.execute()
        mine = f"{self._id}:".encode()
        return [
            partition
            for partition, owner in zip(candidates, owners, strict=True)
            if owner is None or owner.startswith(mine)
        ]

    async def acquire(self, partition: int) -> Lease | None:
        """Become the owner, or None when somebody else is."""
        before = time.monotonic()
        fence = await self._redis.eval(
            ACQUIRE, 1, self._keys.owner(partition), self._id, self._ttl_ms
        )
        if fence is None:
            return None
        return Lease(
            partition,
            int(fence),
            f"{self._id}:{fence.decode()}",
            acquired_at=before,
            deadline=before + self._span_s,
        )

    async def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Prolong leases. Returns those that were lost."""
        if not leases:
            return []
        before = time.monotonic()
        async with self._redis.pipeline(transaction=False) as pipe:
            for lease in leases:
                pipe.eval(RENEW, 1, self._keys.owner(lease.partition), lease.value, self._ttl_ms)
            kept = await pipe.execute()
        lost = []
        for lease, ours in zip(leases, kept, strict=True):
            if ours:
                lease.deadline = before + self._span_s
            else:
                lost.append(lease)
        return lost

    async def release(self, lease: Lease) -> bool:
        """Give a partition up before its time. False when it was lost already."""
        key = self._keys.owner(lease.partition)
        return bool(await self._redis.eval(RELEASE, 1, key, lease.value))
