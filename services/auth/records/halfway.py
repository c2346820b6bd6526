"""Sign-ins that have got half of the way: the first proof was good, another one is needed."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.auth.records.cell import Cells
from shared.keys import Keys

LIVES_S: Final = 900


class Halfway(Struct, frozen=True):
    """Someone who has given a first proof in this browser."""

    user: str
    amr: tuple[str, ...]
    next_path: str  # where to go on when all is proved
    expires: int  # Unix time, s
    # None is set up and one is demanded: it may be set up now.
    enrolling: bool = False


class HalfwaySignIns:
    """By the secret in the browser's cookie: the one of sign-ins, but records of their own, so
    that nothing takes half for whole. Methods raise RedisError."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._cells = Cells(redis, keys, "halfway", Halfway)

    async def begin(
        self, user: str, amr: tuple[str, ...], next_path: str, now: int, *, enrolling: bool
    ) -> str:
        """The cookie's value."""
        cookie = secrets.token_urlsafe(32)
        record = Halfway(user, amr, next_path, now + LIVES_S, enrolling)
        await self._cells.put(cookie, record, LIVES_S * 1000)
        return cookie

    async def find(self, cookie: str, now: int) -> Halfway | None:
        """Who is half of the way in this browser."""
        record = await self._cells.get(cookie) if cookie else None
        return record if record is not None and record.expires > now else None

    async def proved(self, cookie: str, record: Halfway, amr: tuple[str, ...], now: int) -> None:
        """The other proof has been given; what is left is to go on."""
        done = msgspec.structs.replace(record, amr=amr, enrolling=False)
        await self._cells.put(cookie, done, max(record.expires - now, 1) * 1000)

    async def take(self, cookie: str, now: int) -> Halfway | None:
        """As :meth:`find`; it is gone afterwards."""
        record = await self._cells.take(cookie) if cookie else None
        return record if record is not None and record.expires > now else None
