"""How many sockets are let in, and how fast: a gateway that restarts, or the death of another one,
sends thousands here at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.gateway.bucket import TokenBucket

RETRY_AFTER_MS: Final = 2_000


class Admission:
    """Counts the sockets of this gateway, from before the upgrade to their end."""

    def __init__(
        self,
        *,
        connections_max: int,
        hellos_max: int,
        per_s: float,
        burst: int,
        welcomed: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._connections_max = connections_max
        self._hellos_max = hellos_max
        self._bucket = TokenBucket(per_s, burst)
        self._welcomed = welcomed
        self._clock = clock
        self._open = 0
        self.closed = False  # stopping: nobody is let in

    @property
    def open(self) -> int:
        """Sockets that are open, signed in or not."""
        return self._open

    def refusal(self) -> str:
        """Why one more socket is not let in now; empty when it is."""
        if self.closed:
            return "stopping"
        if self._open >= self._connections_max:
            return "full"
        if self._open - self._welcomed() >= self._hellos_max:
            return "hellos"
        if not self._bucket.take(self._clock()):
            return "rate"
        return ""

    def enter(self) -> None:
        """A socket has been let in."""
        self._open += 1

    def leave(self) -> None:
        """It has ended."""
        self._open -= 1
