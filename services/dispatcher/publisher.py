"""Writes deliveries into the gateways' streams."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.dispatcher.domain.routing import OutDelivery, Outgoing, OutItem
from services.dispatcher.leases import Lease
from shared.entries import FIELD, packed
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.redis_lane import Command, Lane

# One entry is read and kept in memory as a whole: a room's list of recipients, repeated for each
# of many events, must not make it huge.
DELIVERY_MAX_ITEMS: Final = 256
DELIVERY_MAX_BYTES: Final = 1024 * 1024
RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outbound:
    """Items of one partition for one gateway."""

    lease: Lease
    gateway: str
    items: list[OutItem]


@dataclass(slots=True)
class Published:
    """What could not be written."""

    vanished: list[Outbound] = field(default_factory=list)  # the gateway has no stream any more
    abandoned: list[Outbound] = field(default_factory=list)  # the lease ended meanwhile


def outbounds(lease: Lease, outgoing: Outgoing) -> Iterator[Outbound]:
    """Cut what goes to each gateway into entries of bearable size."""
    for gateway, items in outgoing.items():
        start = size = 0
        for index, item in enumerate(items):
            users = item.users
            size += len(item.frame) + (
                40 * len(users) if isinstance(users, list) else memoryview(users).nbytes
            )
            full = index - start >= DELIVERY_MAX_ITEMS or size > DELIVERY_MAX_BYTES
            if full and index > start:
                yield Outbound(lease, gateway, items[start:index])
                start, size = index, 0
        yield Outbound(lease, gateway, items[start:] if start else items)


class Publisher:
    """Adds to streams that exist, and never creates one: a gateway that is gone stays gone."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._lane = Lane(redis)
        self._keys = keys

    async def publish(self, batch: Sequence[Outbound]) -> Published:
        """Write until Redis has taken everything or the leases end. A retry may write an entry
        twice; clients drop repeats."""
        result = Published()
        left = list(batch)
        pause_s = RETRY_FIRST_S
        while left:
            valid: list[Outbound] = []
            for outbound in left:
                (valid if outbound.lease.valid() else result.abandoned).append(outbound)
            left = await self._try(valid, result)
            if left:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
        return result

    async def publish_once(self, batch: Iterable[Outbound]) -> list[Outbound]:
        """Write signals. Returns what Redis did not take; they may repeat, and they may be lost."""
        valid = [outbound for outbound in batch if outbound.lease.valid()]
        return await self._try(valid, Published())

    async def _try(self, batch: list[Outbound], result: Published) -> list[Outbound]:
        """One pipeline. Returns what is to be tried again."""
        if not batch:
            return []
        try:
            answers = await self._lane.answers([self._command(outbound) for outbound in batch])
        except RedisError as error:
            get_logger().warning("publish_failed", error=str(error), entries=len(batch))
            return batch
        again = []
        for outbound, answer in zip(batch, answers, strict=True):
            if answer is None or _wrong_type(answer):
                result.vanished.append(outbound)
            elif isinstance(answer, Exception):
                again.append(outbound)
        if again:
            get_logger().warning("publish_refused", entries=len(again))
        return again

    def _command(self, outbound: Outbound) -> Command:
        delivery = OutDelivery(outbound.lease.partition, outbound.lease.fence, outbound.items)
        stream = self._keys.gateway_out(outbound.gateway)
        return "XADD", stream, "NOMKSTREAM", "*", FIELD, packed(delivery)


def _wrong_type(answer: object) -> bool:
    return isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE")
