"""How long to wait before trying again: exponential, capped, with full jitter.

Full jitter (a random time between 0 and the bound) spreads the clients of a server that comes
back evenly, where a fixed part would keep them in step.
"""

from __future__ import annotations

import random
from collections.abc import Callable

BASE_S = 0.5
CAP_S = 30.0


class Backoff:
    """Counts failures in a row; `delay` is uniform in [0, min(cap, base · 2ⁿ))."""

    def __init__(
        self,
        *,
        base_s: float = BASE_S,
        cap_s: float = CAP_S,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng
        self.failures = 0

    def bound(self) -> float:
        """The longest that the next delay can be, in seconds."""
        return min(self._cap_s, self._base_s * 2.0 ** min(self.failures, 16))

    def next(self, *, at_least_failures: int = 0) -> float:
        """Count one failure; the seconds to wait before the next try."""
        self.failures = max(self.failures, at_least_failures)
        delay = self._rng() * self.bound()
        self.failures += 1
        return delay

    def reset(self) -> None:
        """The last try has succeeded."""
        self.failures = 0
