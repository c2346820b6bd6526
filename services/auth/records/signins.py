"""Who is signed in with which browser."""

from __future__ import annotations

import hashlib
import secrets

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.auth.domain.authentication import PASSWORD
from services.auth.records.cell import Cells, Change
from shared.keys import Keys


class SignIn(Struct, frozen=True):
    """One browser in which someone has proved who they are."""

    user: str
    auth_time: int  # Unix time, s
    expires: int  # Unix time, s
    # The continuation that the person has just agreed to by signing in; good once.
    agreed: str = ""
    amr: tuple[str, ...] = PASSWORD  # how: domain.authentication
    generation: str = ""  # of the user's sign-ins: those of another one are over


class _Generation(Struct, frozen=True):
    """Which of a user's sign-ins are good."""

    mark: str


class _Origin(Struct, frozen=True):
    """From which browser a session comes."""

    place: str


class _Place(Struct, frozen=True):
    """The sign-in of a person in a browser, by what stands for its cookie."""

    signin: str


def _place(user: str, browser: str) -> str:
    """A person in a browser. ``browser``: its mark."""
    return hashlib.sha256(f"{user}\n{browser}".encode()).hexdigest()


class SignIns:
    """Sign-ins by the secret in the browser's cookie."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._cells = Cells(redis, keys, "signin", SignIn)
        self._generations = Cells(redis, keys, "signin-generation", _Generation)
        self._origins = Cells(redis, keys, "signin-origin", _Origin)
        self._places = Cells(redis, keys, "signin-place", _Place)

    async def begin(
        self, user: str, now: int, lives_s: int, agreed: str, amr: tuple[str, ...], browser: str
    ) -> str:
        """The cookie's value. ``browser``: its mark. Raises RedisError."""
        cookie = secrets.token_urlsafe(32)
        generation = await self._generation(user)
        record = SignIn(
            user=user, auth_time=now, expires=now + lives_s, agreed=agreed, amr=amr,
            generation=generation,
        )  # fmt: skip
        await self._cells.put(cookie, record, lives_s * 1000)
        place = _Place(self._cells.digest(cookie))
        await self._places.put(_place(user, browser), place, lives_s * 1000)
        return cookie

    async def find(self, cookie: str, now: int) -> SignIn | None:
        """Raises RedisError."""
        record = await self._cells.get(cookie) if cookie else None
        if record is None or record.expires <= now:
            return None
        return record if record.generation == await self._generation(record.user) else None

    async def use_agreement(self, cookie: str, continuation: str, now: int) -> bool:
        """Whether the person has just agreed to this; not a second time. Raises RedisError."""

        def step(record: SignIn | None) -> Change[SignIn, bool]:
            if record is None or not record.agreed or record.agreed != continuation:
                return Change(None, 0, False)
            used = msgspec.structs.replace(record, agreed="")
            return Change(used, (record.expires - now) * 1000, True)

        return await self._cells.change(cookie, step)

    async def strengthen(self, cookie: str, amr: tuple[str, ...], now: int) -> None:
        """The person has just given another proof here. Raises RedisError, Contended."""

        def step(record: SignIn | None) -> Change[SignIn, None]:
            if record is None or record.expires <= now:
                return Change(None, 0, None)
            stronger = msgspec.structs.replace(record, amr=amr)
            return Change(stronger, (record.expires - now) * 1000, None)

        await self._cells.change(cookie, step)

    async def end_all(self, user: str, lives_s: int, *, but: str = "") -> None:
        """End all of a user's sign-ins; ``but`` is the cookie of one that stays, if it is theirs.

        Raises RedisError, Contended.
        """
        mark = secrets.token_urlsafe(8)
        before = await self._generation(user)
        # As long as the longest of those that it ends.
        await self._generations.put(user, _Generation(mark), lives_s * 1000)
        if not but:
            return

        def step(record: SignIn | None) -> Change[SignIn, None]:
            if record is None or record.user != user or record.generation != before:
                return Change(None, 0, None)
            return Change(msgspec.structs.replace(record, generation=mark), lives_s * 1000, None)

        await self._cells.change(but, step)

    async def led_to(self, session: str, user: str, browser: str, lives_s: int) -> None:
        """A session comes from this browser. Known for ``lives_s``. Raises RedisError."""
        await self._origins.put(session, _Origin(_place(user, browser)), lives_s * 1000)

    async def end_behind(self, session: str, *, but: str = "") -> None:
        """End the sign-in of the browser that a session comes from, however often that browser has
        signed in since; ``but`` is the cookie of one that stays. Raises RedisError."""
        origin = await self._origins.take(session)
        place = await self._places.get(origin.place) if origin is not None else None
        if place is not None and place.signin != self._cells.digest(but):
            await self._cells.delete_digest(place.signin)

    async def _generation(self, user: str) -> str:
        found = await self._generations.get(user)
        return found.mark if found is not None else ""

    async def end(self, cookie: str) -> None:
        """Raises RedisError."""
        if cookie:
            await self._cells.delete(cookie)
