"""One Redis string that a pure function changes, by compare-and-set."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from shared.keys import Keys

_TRIES: Final = 40
_BACKOFF_S: Final = 0.001  # about a round trip; grows with each try, at random

# KEYS[1]; ARGV: the value that was read ('' for none), the new one, its life in ms.
_COMPARE_AND_SET: Final = """
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

R = TypeVar("R", bound=Struct)
T = TypeVar("T")


class Contended(Exception):
    """So many others changed the record that ours did not get through."""


class Change(NamedTuple, Generic[R, T]):
    """What becomes of a record (None: it stays as it is), for how long, and the answer."""

    record: R | None
    lives_ms: int
    result: T


class Cells(Generic[R]):
    """Records of one type, each under a key of its own."""

    def __init__(self, redis: Redis, keys: Keys, kind: str, record: type[R]) -> None:
        self._redis = redis
        self._keys = keys
        self._kind = kind
        self._decoder = msgspec.json.Decoder(record)

    async def get(self, name: str) -> R | None:
        """Raises RedisError."""
        raw = await self._redis.get(self._key(name))
        return self._decoder.decode(raw) if raw else None

    async def put(self, name: str, record: R, lives_ms: int, *, new: bool = False) -> bool:
        """Write; with ``new`` only where nothing is. Raises RedisError."""
        raw = msgspec.json.encode(record)
        return bool(await self._redis.set(self._key(name), raw, px=lives_ms, nx=new))

    async def delete(self, name: str) -> None:
        """Raises RedisError."""
        await self._redis.delete(self._key(name))

    def digest(self, name: str) -> str:
        """What stands for a name that is a secret, so that another record may hold it."""
        return hashlib.sha256(name.encode()).hexdigest()[:40]

    async def delete_digest(self, digest: str) -> None:
        """As :meth:`delete`, by what stands for the name. Raises RedisError."""
        await self._redis.delete(self._keys.auth(self._kind, digest))

    async def take(self, name: str) -> R | None:
        """Read and delete in one: of several takers one gets it. Raises RedisError."""
        raw = await self._redis.getdel(self._key(name))
        return self._decoder.decode(raw) if raw else None

    async def change(self, name: str, step: Callable[[R | None], Change[R, T]]) -> T:
        """Replace the record by what ``step`` makes of it; ``step`` may run several times.

        Raises RedisError, :class:`Contended`.
        """
        key = self._key(name)
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(random.random() * attempt * _BACKOFF_S)
            raw = await self._redis.get(key) or b""
            change = step(self._decoder.decode(raw) if raw else None)
            if change.record is None:
                return change.result
            answer: Any = self._redis.eval(
                _COMPARE_AND_SET, 1, key, raw, msgspec.json.encode(change.record),
                max(change.lives_ms, 1),
            )  # fmt: skip
            if await answer:
                return change.result
        raise Contended(self._kind)

    def _key(self, name: str) -> str:
        # Hashed: names are secrets (codes) or come from outside (addresses, handles).
        return self._keys.auth(self._kind, self.digest(name))
