"""Authenticator applications that are being set up: shown to the person, not confirmed yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from redis.asyncio import Redis

from services.auth.records.cell import Cells
from shared.keys import Keys

LIVES_MS: Final = 900_000  # to find the phone and install an application


class _Enrolment(Struct, frozen=True):
    sealed: str
    expires_ms: int  # Unix time


class Enrolments:
    """One per person; the same one while the page is looked at. Methods raise RedisError."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._cells = Cells(redis, keys, "enrolment", _Enrolment)
        self._now_ms = now_ms

    async def get(self, user: str) -> str:
        """The sealed secret, or empty."""
        record = await self._cells.get(user)
        return record.sealed if record is not None and record.expires_ms > self._now_ms() else ""

    async def put(self, user: str, sealed: str) -> None:
        """Begin, in place of an earlier one."""
        await self._cells.put(user, _Enrolment(sealed, self._now_ms() + LIVES_MS), LIVES_MS)

    async def end(self, user: str) -> None:
        """It is confirmed or given up."""
        await self._cells.delete(user)
