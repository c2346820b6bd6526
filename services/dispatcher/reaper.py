"""Buries gateways that died: what they had not delivered goes to where the users are now."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.dispatcher.domain.routing import Outgoing, OutItem, Router
from services.dispatcher.leases import Lease
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.mirror import EntryId, MirrorTail, entry_id
from services.dispatcher.publisher import Publisher, outbounds
from services.dispatcher.scripts import BURY_GATEWAY, RELEASE
from shared.entries import UNFENCED, BadEntry, Delivery, PresenceChange, decode_delivery, encode
from shared.keys import DELIVER_GROUP, Keys
from shared.logs import get_logger
from shared.redis_client import Entries, RedisError

PAGE: Final = 200
PENDING_PAGE: Final = 10_000
CHANGES_MAX: Final = 100_000
FOREVER: Final = float("inf")


class Reaper:
    """Looks for registered gateways without a lease. One dispatcher at a time buries each; should
    it die over that, another one starts again, and clients drop what comes twice."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        mirror: MirrorTail,
        router: Router,
        publisher: Publisher,
        metrics: DispatcherMetrics,
        *,
        every_s: float,
        lock_s: float,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._mirror = mirror
        self._router = router
        self._publisher = publisher
        self._metrics = metrics
        self._every_s = every_s
        self._lock_ms = int(lock_s * 1000)
        self._strangers: set[str] = set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except RedisError as error:
                get_logger().warning("reaper_failed", error=str(error))

    async def look(self) -> None:
        """One round. Raises RedisError."""
        registered = await self._registered()
        for gateway in await self._dead(registered):
            await self._bury(gateway)
        # Mirrored, but not registered, twice in a row: the news of its end was missed.
        strangers = set(self._mirror.mirror.gateways) - set(registered)
        for gateway in strangers & self._strangers:
            get_logger().warning("gateway_unregistered", gateway=gateway)
            self._mirror.drop(gateway)
        self._strangers = strangers
        self._metrics.connections.set(len(self._mirror.mirror.connections))

    async def _registered(self) -> list[str]:
        members = cast(list[bytes], await self._redis.zrange(self._keys.gateways(), 0, -1))
        return [member.decode() for member in members]

    async def _dead(self, gateways: list[str]) -> list[str]:
        if not gateways:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for gateway in gateways:
                pipe.exists(self._keys.gateway_lease(gateway))
            leases = await pipe.execute()
        return [gateway for gateway, lives in zip(gateways, leases, strict=True) if not lives]

    async def _bury(self, gateway: str) -> None:
        lock = self._keys.gateway_reaper(gateway)
        mine = secrets.token_hex(8)
        if not await self._redis.set(lock, mine, nx=True, px=self._lock_ms):
            return
        try:
            get_logger().warning("gateway_dead", gateway=gateway)
            # First the news, so that nobody routes there any more; then what is left there.
            change = PresenceChange(gateway, gone=True)
            await self._redis.xadd(
                self._keys.presence_changes(), cast(Any, encode(change)),
                maxlen=CHANGES_MAX, approximate=True,
            )  # fmt: skip
            await self._empty(gateway, lock, mine)
            await self._redis.zrem(self._keys.gateways(), gateway)
            self._metrics.reaped.inc()
            get_logger().info("gateway_buried", gateway=gateway)
        finally:
            await self._redis.eval(RELEASE, 1, lock, mine)

    async def _empty(self, gateway: str, lock: str, mine: str) -> None:
        """Route again what was not confirmed, until nothing more comes; then delete."""
        out, roster = self._keys.gateway_out(gateway), self._keys.gateway_roster(gateway)
        pending, delivered = await self._unconfirmed(out)
        last = "0-0"
        while True:
            page = cast(Entries, await self._redis.xrange(out, min=f"({last}", count=PAGE))
            await self._mirror.drain()
            items = [
                item
                for identifier, fields in page
                if identifier in pending or entry_id(identifier) > delivered
                for item in _items(identifier, fields)
            ]
            await self._route_again(items)
            await self._redis.pexpire(lock, self._lock_ms)
            if page:
                last = page[-1][0].decode()
            if len(page) == PAGE:
                continue
            # Another dispatcher may have added something since, and must not be able to later.
            if await self._redis.eval(BURY_GATEWAY, 2, out, roster, last):
                return

    async def _unconfirmed(self, out: str) -> tuple[set[bytes], EntryId]:
        """Ids handed to the gateway and not confirmed, and the last id that was handed out."""
        try:
            groups = await self._redis.xinfo_groups(out)
        except ResponseError:  # no such stream
            return set(), (0, 0)
        for group in groups:
            if group["name"] in (DELIVER_GROUP, DELIVER_GROUP.encode()):
                break
        else:
            return set(), (0, 0)
        pending: set[bytes] = set()
        after = b"-"
        while True:
            rows: list[dict[str, Any]] = await self._redis.xpending_range(
                out, DELIVER_GROUP, min=after, max="+", count=PENDING_PAGE
            )
            pending.update(row["message_id"] for row in rows)
            if len(rows) < PENDING_PAGE:
                return pending, entry_id(group["last-delivered-id"])
            after = b"(" + rows[-1]["message_id"]

    async def _route_again(self, items: list[OutItem]) -> None:
        """The reaper owns none of these partitions: what it writes is not fenced. It can only
        repeat or fill a gap, never hide something newer."""
        unfenced = Lease(UNFENCED, 0, "", acquired_at=0.0, deadline=FOREVER)
        while items:
            outgoing: Outgoing = {}
            self._metrics.offline.inc(self._router.again(items, outgoing))
            self._metrics.rerouted.inc(len(items))
            published = await self._publisher.publish(list(outbounds(unfenced, outgoing)))
            items = []
            for outbound in published.vanished:
                self._mirror.drop(outbound.gateway)
                items += outbound.items


def _items(identifier: bytes, fields: dict[bytes, bytes]) -> list[OutItem]:
    try:
        delivery: Delivery = decode_delivery(fields)
    except BadEntry as error:
        get_logger().error("bad_delivery", entry=identifier.decode(), error=str(error))
        return []
    return [
        OutItem(
            item.frame, item.users, item.conversation, item.seq, item.skip, item.trace,
            item.committed_ms,
        )
        for item in delivery.items
        if item.seq
    ]  # fmt: skip
