"""Who is signed in with which browser."""

from __future__ import annotations

import secrets

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.auth.records.cell import Cells, Change
from shared.keys import Keys


class SignIn(Struct, frozen=True):
    """One browser in which someone gave their password."""

    user: str
    auth_time: int  # Unix time, s
    expires: int  # Unix time, s
    # The continuation that the person has just agreed to by signing in; good once.
    agreed: str = ""


class SignIns:
    """Sign-ins by the secret in the browser's cookie."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._cells = Cells(redis, keys, "signin", SignIn)

    async def begin(self, user: str, now: int, lives_s: int, agreed: str) -> str:
        """The cookie's value. Raises RedisError."""
        cookie = secrets.token_urlsafe(32)
        record = SignIn(user=user, auth_time=now, expires=now + lives_s, agreed=agreed)
        await self._cells.put(cookie, record, lives_s * 1000)
        return cookie

    async def find(self, cookie: str, now: int) -> SignIn | None:
        """Raises RedisError."""
        record = await self._cells.get(cookie) if cookie else None
        return record if record is not None and record.expires > now else None

    async def use_agreement(self, cookie: str, continuation: str, now: int) -> bool:
        """Whether the person has just agreed to this; not a second time. Raises RedisError."""

        def step(record: SignIn | None) -> Change[SignIn, bool]:
            if record is None or not record.agreed or record.agreed != continuation:
                return Change(None, 0, False)
            used = msgspec.structs.replace(record, agreed="")
            return Change(used, (record.expires - now) * 1000, True)

        return await self._cells.change(cookie, step)

    async def end(self, cookie: str) -> None:
        """Raises RedisError."""
        if cookie:
            await self._cells.delete(cookie)
