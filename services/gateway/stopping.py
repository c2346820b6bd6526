"""How loops end: by a flag, after the work in hand, not by cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Stop:
    """The flag of one service."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._wakers: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wakes(self, waker: Callable[[], None]) -> None:
        """Have ``waker`` called by :meth:`set`: for loops that wait for something else."""
        self._wakers.append(waker)

    def set(self) -> None:
        """It is time to end."""
        self._event.set()
        for waker in self._wakers:
            waker()

    async def pause(self, seconds: float) -> bool:
        """Sleep; True when it is time to end, which cuts the sleep short."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
