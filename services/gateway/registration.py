"""This gateway as Redis knows it: id, lease, stream, and the roster of who is connected.

Dispatchers route by the rosters, so what stands there must be true. The order at a connect is
roster, change stream, then `welcome` to the client: whoever is welcome is routed to. When Redis was
wiped or failed over, or the lease was lost, the gateway takes a new id and registers everyone anew
("rebirth"); clients are told to sync, because events may have gone nowhere meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from services.gateway.ledger import Ledger
from services.gateway.stopping import Stop
from shared.entries import Presence, PresenceChange, encode
from shared.epoch import Epoch, EpochWatch
from shared.keys import DELIVER_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import RedisError

LEASE_TTL_S: Final = 6
LEASE_RENEW_S: Final = 2.0
RETRY_S: Final = 0.5
JOIN_TIMEOUT_S: Final = 3.0
CHUNK: Final = 1_000  # connections in one HSET and one change entry
CHANGES_MAXLEN: Final = 100_000

_encode_presence = msgspec.msgpack.Encoder().encode


class NotRegistered(Exception):
    """Redis did not take the connection's presence in time."""


class Identity:
    """One life of this gateway in Redis."""

    __slots__ = ("gateway", "ledger")

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.ledger = Ledger()


class Registration:
    """Keeps the lease and the roster; one pipeline at a time, so that what comes together goes
    together."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        instance: str,
        *,
        stop: Stop,
        on_reborn: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._instance = instance
        self._stop = stop
        self._on_reborn = on_reborn
        self._watch = EpochWatch(redis, keys)
        self._epoch: Epoch | None = None
        self._wake = asyncio.Event()
        stop.wakes(self._wake.set)
        self._rebirth_because = "start"
        self._present: dict[str, Presence] = {}
        self._came: dict[str, tuple[Presence, asyncio.Future[None]]] = {}
        self._went: list[str] = []
        self._changed: set[str] = set()  # of those present
        self._renew_at = 0.0
        self.identity: Identity | None = None
        self.born = asyncio.Event()

    # --- for others -------------------------------------------------------------------------

    async def join(self, connection: str, presence: Presence) -> None:
        """Have the connection routed to. Raises :class:`NotRegistered`."""
        if self.identity is None or self._stop:
            raise NotRegistered
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came[connection] = (presence, future)
        self._wake.set()
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                await future
        except (TimeoutError, RedisError) as error:
            self.leave(connection)
            raise NotRegistered from error

    def leave(self, connection: str) -> None:
        """The connection has ended."""
        self._came.pop(connection, None)
        self._present.pop(connection, None)
        self._went.append(connection)
        self._wake.set()

    def change(self, connection: str, *, away: bool) -> None:
        """A device that is present lies idle, or is in use again."""
        presence = self._present.get(connection)
        if presence is not None and presence.away != away:
            self._present[connection] = msgspec.structs.replace(presence, away=away)
            self._changed.add(connection)
            self._wake.set()

    def ask_rebirth(self, because: str) -> None:
        """The present identity is not known to Redis any more."""
        self._rebirth_because = self._rebirth_because or because
        self._wake.set()

    # --- the loop ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep registered until the service stops; then say who has gone."""
        while not self._stop:
            await self._turn()
        try:
            await self._flush()
        except RedisError as error:
            get_logger().warning("last_presence_not_written", error=str(error))

    async def _turn(self) -> None:
        self._wake.clear()
        try:
            if self._rebirth_because:
                await self._be_born()
            await self._flush()
            if time.monotonic() >= self._renew_at:
                await self._renew()
        except RedisError as error:
            get_logger().warning("registration_failed", error=str(error))
            await self._stop.pause(RETRY_S)
            return
        if not self._rebirth_because:
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._renew_at - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _be_born(self) -> None:
        because, self._rebirth_because = self._rebirth_because, ""
        try:
            # Before the rest: what is wiped after this is noticed by the watch.
            self._epoch = await self._watch.current()
            gateway = f"{self._instance}-{os.urandom(4).hex()}"
            await self._announce(gateway)
        except RedisError:
            self._rebirth_because = because  # again, with another id
            raise
        former, self.identity = self.identity, Identity(gateway)
        self._renew_at = time.monotonic() + LEASE_RENEW_S
        get_logger().info(
            "gateway_registered", gateway=gateway, because=because, connections=len(self._present)
        )
        self.born.set()
        if former is not None:
            self._on_reborn()
            # Without its lease the former life is buried by a dispatcher now, not in some seconds.
            await self._redis.delete(self._keys.gateway_lease(former.gateway))

    async def _announce(self, gateway: str) -> None:
        keys = self._keys
        async with self._redis.pipeline(transaction=False) as pipe:
            # The lease first: a member of the set without a lease is taken for dead.
            pipe.set(keys.gateway_lease(gateway), b"1", ex=LEASE_TTL_S)
            pipe.xgroup_create(keys.gateway_out(gateway), DELIVER_GROUP, id="0", mkstream=True)
            pipe.zadd(keys.gateways(), {gateway: int(time.time() * 1000)})
            await pipe.execute()
        everyone = iter(list(self._present.items()))
        while some := dict(islice(everyone, CHUNK)):
            await self._write_changes(gateway, some, [])

    async def _renew(self) -> None:
        identity = self.identity
        if identity is None:
            return
        # XX: a lease that has run out stays out; the burial may have begun.
        lease = self._keys.gateway_lease(identity.gateway)
        if await self._redis.set(lease, b"1", ex=LEASE_TTL_S, xx=True):
            self._renew_at = time.monotonic() + LEASE_RENEW_S
        else:
            self.ask_rebirth("lease lost")

    # --- presence ---------------------------------------------------------------------------

    async def _flush(self) -> None:
        identity = self.identity
        if identity is None:
            return
        if self._came or self._went:
            await self._flush_moves(identity)
        if self._changed:
            await self._flush_changes(identity)

    async def _flush_changes(self, identity: Identity) -> None:
        """Those who have gone meanwhile must not come back into the roster: their going is written
        after this."""
        changed, self._changed = self._changed, set()
        remaining = iter(changed)
        try:
            while chunk := list(islice(remaining, CHUNK)):
                some = {each: self._present[each] for each in chunk if each in self._present}
                await self._write_changes(identity.gateway, some, [])
        except RedisError:
            self._changed |= changed
            raise

    async def _flush_moves(self, identity: Identity) -> None:
        came, self._came = self._came, {}
        went, self._went = self._went, []
        self._present.update({connection: presence for connection, (presence, _) in came.items()})
        try:
            for some, gone in _chunks(came, went):
                await self._write_changes(identity.gateway, some, gone)
        except RedisError as error:
            # What Redis has taken of it is unknown. Who wanted in is told no, and is taken out
            # again with the next success.
            for connection, (_, future) in came.items():
                self._present.pop(connection, None)
                if not future.done():
                    future.set_exception(error)
            self._went = [*went, *came, *self._went]
            raise
        for _, future in came.values():
            if not future.done():
                future.set_result(None)

    async def _write_changes(
        self, gateway: str, came: dict[str, Presence], went: list[str]
    ) -> None:
        roster = self._keys.gateway_roster(gateway)
        change: Any = encode(PresenceChange(gateway, list(came.items()), went))
        async with self._redis.pipeline(transaction=False) as pipe:
            if came:
                fields: Any = {each: _encode_presence(who) for each, who in came.items()}
                pipe.hset(roster, mapping=fields)
            if went:
                pipe.hdel(roster, *went)
            pipe.xadd(self._keys.presence_changes(), change, maxlen=CHANGES_MAXLEN)
            await pipe.execute()

    # --- beginning and end ------------------------------------------------------------------

    async def watch_epoch(self) -> None:
        """Be born again whenever Redis is not what it was. Runs until cancelled."""
        await self.born.wait()
        seen = self._epoch
        while seen is not None:
            seen = await self._watch.wait_change(seen)
            if seen != self._epoch:  # else a birth for another reason was after it
                self.ask_rebirth("epoch changed")

    async def unregister(self) -> None:
        """Give up the lease. The rest is left to a dispatcher, which routes again what was put
        into the stream after the last reading, and then removes all of it."""
        if self.identity is None:
            return
        try:
            await self._redis.delete(self._keys.gateway_lease(self.identity.gateway))
        except RedisError as error:
            get_logger().warning("lease_not_given_up", error=str(error))


def _chunks(
    came: dict[str, tuple[Presence, asyncio.Future[None]]], went: list[str]
) -> Iterator[tuple[dict[str, Presence], list[str]]]:
    """Came before went, at most CHUNK of each at a time."""
    arrivals = iter([(connection, presence) for connection, (presence, _) in came.items()])
    first = dict(islice(arrivals, CHUNK))
    while len(first) == CHUNK:
        yield first, []
        first = dict(islice(arrivals, CHUNK))
    yield first, went[:CHUNK]
    for start in range(CHUNK, len(went), CHUNK):
        yield {}, went[start : start + CHUNK]
