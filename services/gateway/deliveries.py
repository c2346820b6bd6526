"""Reads this gateway's own stream and confirms what has arrived.

A running XREADGROUP is never cancelled: what Redis had handed out by then would lie unseen in the
pending entries list. It blocks briefly, and a flag ends the loop. After a start and after any
error the pending entries are read first (id ``0``), for the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.gateway.hub import Hub
from services.gateway.ledger import Entry
from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import Flusher
from services.gateway.registration import Identity, Registration
from services.gateway.stopping import Stop
from shared.crashpoints import crash_here
from shared.entries import BadEntry, Delivery, decode_delivery
from shared.keys import DELIVER_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import Entries, RedisError, connect_blocking
from shared.redis_lane import blocking_lane, stream_entries

CONSUMER: Final = "gateway"
BLOCK_MS: Final = 500
READ_COUNT: Final = 64  # bounds the time for which one reading keeps the loop
RETRY_S: Final = 0.5
ACK_EVERY_S: Final = 0.1
ACK_MAX: Final = 1_000  # ids in one XACK
TRIM_EVERY_TURNS: Final = 10  # of ACK_EVERY_S: once a second
_NEW: Final = b">"
_PENDING: Final = b"0"


class Fences:
    """Deliveries of deposed partition owners are told by their lower fencing number."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}

    def admits(self, delivery: Delivery) -> bool:
        """Whether it comes from the newest owner that was heard of."""
        newest = self._newest.get(delivery.partition, 0)
        if delivery.fence < newest:
            return False
        if delivery.fence > newest:
            self._newest[delivery.partition] = delivery.fence
        return True

    def forget(self) -> None:
        """Redis has begun anew, and its clock with it."""
        self._newest.clear()


class Deliveries:
    """The consumer of the own stream."""

    def __init__(
        self,
        redis_url: str,
        redis: Redis,
        keys: Keys,
        registration: Registration,
        hub: Hub,
        flusher: Flusher,
        metrics: GatewayMetrics,
        *,
        stop: Stop,
        clock: Callable[[], float],
    ) -> None:
        self._redis_url = redis_url
        self._redis = redis
        self._keys = keys
        self._registration = registration
        self._hub = hub
        self._flusher = flusher
        self._metrics = metrics
        self._stop = stop
        self._clock = clock
        self._fences = Fences()
        self._followed: Identity | None = None

    # --- reading ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until the service stops."""
        while not self._stop:
            identity = self._registration.identity
            if identity is None:
                await self._stop.pause(RETRY_S)
                continue
            reader = connect_blocking(self._redis_url, BLOCK_MS)
            try:
                await self._follow(reader, identity)
            except ResponseError as error:
                if "NOGROUP" in str(error):
                    self._registration.ask_rebirth("stream or group gone")
                get_logger().warning("deliveries_unreadable", error=str(error))
                await self._stop.pause(RETRY_S)
            except RedisError as error:
                get_logger().warning("deliveries_unreadable", error=str(error))
                await self._stop.pause(RETRY_S)
            finally:
                await reader.aclose()

    async def _follow(self, reader: Redis, identity: Identity) -> None:
        if identity is not self._followed:
            self._fences.forget()
            self._followed = identity
        stream = self._keys.gateway_out(identity.gateway)
        lane = blocking_lane(reader, BLOCK_MS)
        cursor = _PENDING
        while not self._stop and self._registration.identity is identity:
            answer = await lane.one(
                "XREADGROUP", "GROUP", DELIVER_GROUP, CONSUMER,
                "COUNT", READ_COUNT, "BLOCK", BLOCK_MS, "STREAMS", stream, cursor,
            )  # fmt: skip
            entries = [entry for _, some in stream_entries(answer) for entry in some]
            if cursor != _NEW:
                cursor = entries[-1][0] if entries else _NEW
                self.take(identity, entries, again=True)
            elif entries:
                self.take(identity, entries, again=False)

    def take(self, identity: Identity, entries: Entries, *, again: bool) -> None:
        """Deliver entries. ``again``: they come from the pending entries list."""
        opened = [self._open(identity, entry_id, fields, again) for entry_id, fields in entries]
        deliveries = [each for each in opened if each is not None]
        conversations = [item.conversation for _, delivery in deliveries for item in delivery.items]
        # Several events for the same sockets: one write for all of them.
        several = len(set(conversations)) < len(conversations)
        if several:
            self._flusher.hold()
        ledger, now = identity.ledger, self._clock()
        for entry, delivery in deliveries:
            self._hub.deliver(delivery, entry, ledger, now)
            ledger.release(entry)
        if several:
            self._flusher.release()
        if entries:  # in the loop's next turn the transports have written
            asyncio.get_running_loop().call_soon(crash_here, "gateway.after_write")

    def _open(
        self, identity: Identity, entry_id: bytes, fields: dict[bytes, bytes], again: bool
    ) -> tuple[Entry, Delivery] | None:
        metrics, ledger = self._metrics, identity.ledger
        metrics.entries_read += 1
        entry = ledger.open(entry_id)
        if entry is None:
            metrics.repeats_dropped += 1
            return None
        metrics.redelivered += again
        try:
            delivery = decode_delivery(fields)
        except BadEntry as error:
            metrics.bad_entries += 1
            get_logger().error("delivery_unreadable", entry=entry_id, error=str(error))
        else:
            if self._fences.admits(delivery):
                return entry, delivery
            metrics.fenced_off += 1
        ledger.release(entry)
        return None

    # --- confirming -------------------------------------------------------------------------

    async def confirm(self) -> None:
        """XACK what was confirmed and trim the stream, until the service stops; then once more."""
        turn = 0
        while not self._stop:
            turn += 1
            await self.confirm_now(trim=turn % TRIM_EVERY_TURNS == 0)
            await self._stop.pause(ACK_EVERY_S)

    async def confirm_now(self, *, trim: bool) -> None:
        """One round."""
        identity = self._registration.identity
        if identity is None:
            return
        ledger, stream = identity.ledger, self._keys.gateway_out(identity.gateway)
        while ids := ledger.take_confirmed(ACK_MAX):
            try:
                await self._redis.xack(stream, DELIVER_GROUP, *ids)
            except RedisError as error:
                ledger.not_acked(ids)
                get_logger().warning("deliveries_not_confirmed", error=str(error))
                return
            ledger.acked(ids)
        if trim:
            await self._trim(stream, ledger.trim_below())

    async def _trim(self, stream: str, below: bytes) -> None:
        try:
            await self._redis.xtrim(stream, minid=below.decode(), approximate=False)
        except RedisError as error:
            get_logger().warning("deliveries_not_trimmed", error=str(error))
