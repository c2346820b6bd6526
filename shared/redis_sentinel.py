"""Redis behind Sentinel: every new connection asks who the primary is.

URL: ``redis+sentinel://user:password@host1:26379,host2:26379/NAME/0``, with ``rediss+sentinel``
for TLS, and ``?sentinel_password=…`` where the Sentinels want one of their own. After a failover
connections end, or are refused as read-only; the next ones go to the new primary. What was not
copied to it is lost there, and found again in PostgreSQL: its run id is another one, and everybody
registers anew (:mod:`shared.epoch`).
"""

from __future__ import annotations

import weakref
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import Connection
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

SCHEMES: Final = ("redis+sentinel", "rediss+sentinel")
PORT: Final = 26379


class SentinelPool(BlockingConnectionPool):
    """Waits for a free connection instead of raising, as our other pools do; its connections are
    redis-py's, which ask the pool for the primary's address."""

    is_master: Final = True
    check_connection: Final = True  # PING first: a port that answers may be a proxy's

    def __init__(self, sentinel: Sentinel, name: str, *, tls: bool, **options: Any) -> None:
        kind = SentinelManagedSSLConnection if tls else SentinelManagedConnection
        super().__init__(connection_class=kind, **options)
        self.connection_kwargs["connection_pool"] = weakref.proxy(self)
        self._sentinel = sentinel
        self._name = name
        self._primary: tuple[str, int] | None = None

    async def get_master_address(self) -> tuple[str, int]:
        """For the connections. Raises MasterNotFoundError, a ConnectionError."""
        found: tuple[str, int] = await self._sentinel.discover_master(self._name)
        if self._primary not in (None, found):
            await self.disconnect(inuse_connections=False)  # idle ones lead to the former primary
        self._primary = found
        return found

    def owns_connection(self, connection: Connection) -> int:
        """Whether it may be used again."""
        return self._primary == (connection.host, connection.port)

    async def aclose(self) -> None:
        await super().aclose()
        for one in self._sentinel.sentinels:
            await one.aclose()


def is_sentinel(url: str) -> bool:
    """Whether this is for us."""
    return urlsplit(url).scheme in SCHEMES


def pool(url: str, *, timeout_s: float, connect_timeout_s: float, **options: Any) -> SentinelPool:
    """A pool that follows the primary. Raises ValueError for a URL that says too little."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    name, _, database = parts.path.strip("/").partition("/")
    if not hosts or not name:
        raise ValueError("must be redis+sentinel://HOST:PORT,HOST:PORT/NAME")
    places = [_place(host) for host in hosts.split(",")]
    own = {key: values[0] for key, values in parse_qs(parts.query).items()}
    timeouts = {"socket_timeout": connect_timeout_s, "socket_connect_timeout": connect_timeout_s}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # has no types
        places,
        sentinel_kwargs={**timeouts, "password": own.get("sentinel_password")},
    )
    return SentinelPool(
        sentinel,
        name,
        tls=parts.scheme.startswith("rediss"),
        username=unquote(user) or None,
        password=unquote(password) or None,
        db=int(database or 0),
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=connect_timeout_s,
        **options,
    )


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        return text.strip("[]"), PORT
    return host.strip("[]"), int(port)
