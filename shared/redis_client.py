"""Connections to Redis with safe defaults.

redis-py would by default retry a command whose answer was late, and so write an entry twice. Here
nothing is retried below the application, which knows what is idempotent.
"""

from __future__ import annotations

from typing import Any, Final, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared import redis_sentinel

__all__ = ["Entries", "RedisError", "connect", "connect_blocking", "entries_of"]

COMMAND_TIMEOUT_S: Final = 2.0
CONNECT_TIMEOUT_S: Final = 2.0
BLOCKING_MARGIN_S: Final = 5.0  # how much later than BLOCK an answer may come

Entries = list[tuple[bytes, dict[bytes, bytes]]]  # entry id, fields (empty: trimmed meanwhile)


def connect(url: str, *, max_connections: int = 8) -> Redis:
    """A client for ordinary commands. ``url`` may name a server, or Sentinels
    (:mod:`shared.redis_sentinel`). Waits for a free connection instead of raising.

    Every command may raise :class:`RedisError`; its effect is then unknown.
    """
    return _client(url, COMMAND_TIMEOUT_S, max_connections)


def connect_blocking(url: str, block_ms: int) -> Redis:
    """A client with one connection of its own, for XREAD and XREADGROUP with ``BLOCK block_ms``.

    Never cancel such a call: what Redis had handed out by then would stay unseen in the pending
    entries list. Use a short BLOCK and a stop flag.
    """
    return _client(url, block_ms / 1000 + BLOCKING_MARGIN_S, 1)


def _client(url: str, timeout_s: float, max_connections: int) -> Redis:
    options: dict[str, Any] = {
        "max_connections": max_connections,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
    }
    if redis_sentinel.is_sentinel(url):
        pool: BlockingConnectionPool = redis_sentinel.pool(
            url, timeout_s=timeout_s, connect_timeout_s=CONNECT_TIMEOUT_S, **options
        )
    else:
        pool = BlockingConnectionPool.from_url(
            url,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            **options,
        )
    client: Redis = Redis.from_pool(pool)
    return client


def entries_of(answer: Any) -> list[tuple[bytes, Entries]]:
    """The answer of XREAD and XREADGROUP by stream, whichever protocol version is spoken."""
    if not answer:
        return []
    streams = answer.items() if isinstance(answer, dict) else answer
    return [
        (name, [(entry_id, fields or {}) for entry_id, fields in cast(Entries, entries)])
        for name, entries in streams
    ]
