"""Challenges for passkeys (Web Authentication level 3, section 13.4.3): random, good once, for one
purpose, in the browser that was given it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct
from redis.asyncio import Redis

from services.auth.domain.passkeys import CHALLENGE_BYTES, TIMEOUT_MS
from services.auth.records.cell import Cells
from shared.keys import Keys


class Purpose(StrEnum):
    """What the answer will be used for."""

    SIGN_IN = "sign_in"  # as the only proof
    SECOND_STEP = "second_step"  # after another proof
    REGISTER = "register"


class _Challenge(Struct, frozen=True):
    purpose: Purpose
    holder: str  # hash of the browser's mark, or of the session that asked
    user: str  # empty: whoever has a passkey
    expires_ms: int  # Unix time


class Challenges:
    """Gives them out and takes each in once. Methods raise RedisError."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._cells = Cells(redis, keys, "challenge", _Challenge)
        self._now_ms = now_ms

    async def issue(self, purpose: Purpose, holder: str, user: str = "") -> str:
        """A new challenge, in base64url."""
        challenge = secrets.token_urlsafe(CHALLENGE_BYTES)
        record = _Challenge(purpose, _hashed(holder), user, self._now_ms() + TIMEOUT_MS)
        await self._cells.put(challenge, record, TIMEOUT_MS)
        return challenge

    async def take(self, challenge: str, purpose: Purpose, holder: str, user: str = "") -> bool:
        """Whether this is one that was issued to this holder for this, and was not used. Now it
        is, whatever the answer."""
        record = await self._cells.take(challenge)
        return (
            record is not None
            and record.expires_ms > self._now_ms()
            and (record.purpose, record.holder, record.user) == (purpose, _hashed(holder), user)
        )


def _hashed(holder: str) -> str:
    """The mark is a secret of the browser."""
    return hashlib.sha256(holder.encode()).hexdigest()
