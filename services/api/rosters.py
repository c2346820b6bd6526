"""Who is connected now, from the gateways' rosters in Redis."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

import msgspec
from redis.asyncio import Redis

from shared.entries import Presence
from shared.keys import Keys
from shared.services import Connection

CONNECTIONS_MAX: Final = 10_000  # in one answer
SCAN_COUNT: Final = 1_000

_presence: Final = msgspec.msgpack.Decoder(Presence)


class Rosters:
    """Reads them all: the cost is that of the number of connections, whoever is asked for."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def connections(self, users: Collection[str]) -> tuple[list[Connection], bool]:
        """The connections of these users (of all, when there are none), and whether these are all
        of them. Raises RedisError."""
        found: dict[str, Connection] = {}
        gateways = cast(list[bytes], await self._redis.zrange(self._keys.gateways(), 0, -1))
        for name in gateways:
            gateway = name.decode()
            roster = self._keys.gateway_roster(gateway)
            async for connection, packed in self._redis.hscan_iter(roster, count=SCAN_COUNT):
                who = _presence.decode(packed)
                if not users or who.user in users:
                    if len(found) == CONNECTIONS_MAX:
                        return list(found.values()), False
                    each = connected(gateway, connection.decode(), who)
                    found[each.connection] = each  # a scan may say the same twice
        return list(found.values()), True


def connected(gateway: str, connection: str, who: Presence) -> Connection:
    """A roster's field as services see it."""
    return Connection(connection, who.user, who.session, gateway, who.since_ms, who.away)
