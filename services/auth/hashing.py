"""Password hashes (argon2id, RFC 9106) in a small pool of threads with a bounded queue.

A hash costs about 0.1 s of one core and 64 MiB on purpose. Whoever floods the sign-in page fills
this queue and nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.auth.metrics import AuthMetrics

RETRY_AFTER_MS = 2_000  # about what a full queue takes

T = TypeVar("T")


class HashingBusy(Exception):
    """The queue is full."""


class PasswordHashes:
    """Makes and checks password hashes. Close it."""

    def __init__(
        self, *, time_cost: int, memory_kib: int, threads: int, queue: int, metrics: AuthMetrics
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._free = threads + queue
        self._metrics = metrics
        self._nobodys: asyncio.Future[str] | None = None

    async def hash(self, password: str) -> str:
        """The hash of a prepared password, in PHC format. Raises :class:`HashingBusy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one that was hashed. Without a hash (nobody has that
        name, or nobody signs in to it with a password) it takes the same time and is False.

        Raises :class:`HashingBusy`.
        """
        known = stored or await self._nobodys_hash()

        def compare() -> bool:
            try:
                return self._hasher.verify(known, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(compare) and bool(stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    async def warm_up(self) -> None:
        """Make the hash that stands for unknown people, so that the first of them is not slower."""
        await self._nobodys_hash()

    def close(self) -> None:
        """Let running hashes end; waiting ones are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _nobodys_hash(self) -> str:
        if self._nobodys is None:
            self._nobodys = asyncio.get_running_loop().run_in_executor(
                self._pool, self._hasher.hash, secrets.token_urlsafe(16)
            )
        return await asyncio.shield(self._nobodys)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._free <= 0:
            self._metrics.refusals.labels("hashing_busy").inc()
            raise HashingBusy
        queued = time.perf_counter()

        def timed() -> T:
            self._metrics.hash_wait.observe(time.perf_counter() - queued)
            return work()

        self._free -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, timed)
        # The slot is free when the thread is, not when a caller that has gone stops waiting.
        future.add_done_callback(self._release)
        return await asyncio.shield(future)

    def _release(self, future: asyncio.Future[T]) -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # nobody may be waiting for it any more
