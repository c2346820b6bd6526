"""Authorization codes (RFC 6749, section 4.1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from redis.asyncio import Redis

from services.auth.domain.codes import REMEMBER_SPENT_MS, CodeGrant, Outcome, redeem
from services.auth.records.cell import Cells, Change
from shared.keys import Keys

_CODE_BYTES = 32  # RFC 6749, section 10.10 asks for 2^-128; this is 2^-256


class Codes:
    """Issues codes and takes them in, each once, whichever replica is asked."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._cells = Cells(redis, keys, "code", CodeGrant)
        self._now_ms = now_ms

    async def issue(self, grant: CodeGrant) -> str:
        """The code for a grant. Raises RedisError."""
        code = secrets.token_urlsafe(_CODE_BYTES)
        await self._cells.put(code, grant, self._lives_ms(grant))
        return code

    async def redeem(self, code: str) -> tuple[Outcome, CodeGrant] | None:
        """Spend a code; None when there is none. Raises RedisError, Contended."""
        now_ms = self._now_ms()

        def step(
            grant: CodeGrant | None,
        ) -> Change[CodeGrant, tuple[Outcome, CodeGrant] | None]:
            if grant is None:
                return Change(None, 0, None)
            after, outcome = redeem(grant, now_ms)
            return Change(after, self._lives_ms(grant), (outcome, grant))

        return await self._cells.change(code, step)

    async def was_replayed(self, code: str) -> bool:
        """Whether someone tried the code again since it was redeemed. Raises RedisError.

        Asked once the session exists: a replay that came before it found nothing to end.
        """
        grant = await self._cells.get(code)
        return grant is None or grant.state == "burned"

    def _lives_ms(self, grant: CodeGrant) -> int:
        return grant.expires_ms - self._now_ms() + REMEMBER_SPENT_MS
