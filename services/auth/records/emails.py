"""What was sent to an address and waits for an answer: addresses to be proved, passwords to be
reset. Of links only hashes are kept. A code has six digits, which no hash hides: it is guarded by
TRIES_MAX, and proves nothing but an address."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.auth.records.cell import Cells, Change
from shared.keys import Keys

VERIFY_S: Final = 1_800
RESET_S: Final = 1_800
CODE_DIGITS: Final = 6
TRIES_MAX: Final = 5  # of a million codes


class Pending(Struct, frozen=True):
    """An address that a person says is theirs."""

    user: str
    address: str
    key: str
    code: str  # its HMAC, see _sealed
    link: str  # the digest of the link's token
    expires_ms: int
    tries: int = 0


class _Link(Struct, frozen=True):
    """From what stands in a mail to whom it was sent."""

    user: str


class Reset(Struct, frozen=True):
    """A password that may be set anew. ``password``: a digest of the hash of when it was asked for;
    once it has changed, the link is worth nothing."""

    user: str
    password: str
    expires_ms: int


class EmailProofs:
    """Every method raises RedisError, Contended."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._pending = Cells(redis, keys, "email", Pending)
        self._links = Cells(redis, keys, "email-link", _Link)
        self._resets = Cells(redis, keys, "reset", Reset)
        self._now_ms = now_ms

    async def begin(self, user: str, address: str, key: str) -> tuple[str, str]:
        """The code and the link's token for an address, in place of any before."""
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        token = secrets.token_urlsafe(32)
        expires_ms = self._now_ms() + VERIFY_S * 1000
        link = _digest(token)
        pending = Pending(user, address, key, _sealed(code, link), link, expires_ms)
        await self._pending.put(user, pending, VERIFY_S * 1000)
        await self._links.put(link, _Link(user), VERIFY_S * 1000)
        return code, token

    async def waiting(self, user: str) -> Pending | None:
        """What the person has to prove."""
        found = await self._pending.get(user)
        return found if found is not None and found.expires_ms > self._now_ms() else None

    async def by_link(self, token: str) -> Pending | None:
        """What a link is about; nothing is used up by looking (programs open links in mails)."""
        digest = _digest(token)
        link = await self._links.get(digest)
        found = await self.waiting(link.user) if link is not None else None
        return found if found is not None and found.link == digest else None

    async def is_code(self, user: str, code: str) -> bool:
        """Whether the code is the one that was sent; after TRIES_MAX wrong ones none is."""

        def step(found: Pending | None) -> Change[Pending, bool]:
            if found is None or found.tries >= TRIES_MAX or found.expires_ms <= self._now_ms():
                return Change(None, 0, False)
            right = hmac.compare_digest(found.code, _sealed(code, found.link))
            tried = msgspec.structs.replace(found, tries=found.tries + 1)
            return Change(tried, found.expires_ms - self._now_ms(), right)

        return await self._pending.change(user, step)

    async def end(self, pending: Pending) -> None:
        """It is proved, or given up."""
        await self._pending.delete(pending.user)
        await self._links.delete(pending.link)

    async def begin_reset(self, user: str, password: str) -> str:
        """The token of a link by which the password can be set anew."""
        token = secrets.token_urlsafe(32)
        reset = Reset(user, password, self._now_ms() + RESET_S * 1000)
        await self._resets.put(token, reset, RESET_S * 1000)
        return token

    async def find_reset(self, token: str) -> Reset | None:
        """Whose password a link is about."""
        found = await self._resets.get(token) if token else None
        return found if found is not None and found.expires_ms > self._now_ms() else None

    async def use_reset(self, token: str) -> bool:
        """Use a link up; False when someone was faster."""

        def step(found: Reset | None) -> Change[Reset, bool]:
            if found is None or found.expires_ms <= self._now_ms():
                return Change(None, 0, False)
            return Change(msgspec.structs.replace(found, expires_ms=0), 1000, True)

        return await self._resets.change(token, step)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _sealed(code: str, link: str) -> str:
    return hmac.new(link.encode(), code.encode(), "sha256").hexdigest()
