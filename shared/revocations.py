"""Sessions that ended before their access tokens do, learned from auth's stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from shared.entries import BadEntry, decode_revocation
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import RedisError, connect_blocking, entries_of

REMEMBER_S: Final = 600.0  # twice an access token's life: after it, none is left to revoke
BLOCK_MS: Final = 1000
RETRY_S: Final = 1.0

OnRevoked = Callable[[list[str]], None]


class RevokedSessions:
    """Tails the stream of revocations and remembers them as long as they matter."""

    def __init__(self, redis_url: str, keys: Keys, *, now: Callable[[], float] = time.time) -> None:
        self._url = redis_url
        self._stream = keys.revocations()
        self._now = now
        self._until: dict[str, float] = {}
        self._stopping = False

    def __contains__(self, session: str) -> bool:
        return session in self._until

    def stop(self) -> None:
        """Let :meth:`run` end within its blocking time."""
        self._stopping = True

    async def run(self, on_revoked: OnRevoked) -> None:
        """Follow the stream until :meth:`stop`; calls ``on_revoked`` with newly ended sessions.

        Starts with what the last minutes held. While Redis is away, tokens live until they expire.
        """
        redis = connect_blocking(self._url, BLOCK_MS)
        last = f"{int((self._now() - REMEMBER_S) * 1000)}-0"
        try:
            while not self._stopping:
                try:
                    answer = await redis.xread({self._stream: last}, count=1000, block=BLOCK_MS)
                except RedisError as error:
                    get_logger().warning("revocations_unreadable", error=str(error))
                    await asyncio.sleep(RETRY_S)
                    continue
                for _, entries in entries_of(answer):
                    for entry_id, fields in entries:
                        last = entry_id.decode()
                        self._apply(fields, on_revoked)
                self._forget()
        finally:
            await redis.aclose()

    def _apply(self, fields: dict[bytes, bytes], on_revoked: OnRevoked) -> None:
        try:
            sessions = decode_revocation(fields).sessions
        except BadEntry as error:
            get_logger().error("revocation_unreadable", error=str(error))
            return
        fresh = [session for session in sessions if session not in self._until]
        until = self._now() + REMEMBER_S
        self._until.update(dict.fromkeys(fresh, until))
        if fresh:
            on_revoked(fresh)

    def _forget(self) -> None:
        now = self._now()
        # Insertion order is expiry order: stop at the first that still matters.
        while self._until and next(iter(self._until.values())) < now:
            del self._until[next(iter(self._until))]
