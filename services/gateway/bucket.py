"""A token bucket that needs no timer and no refill: one number."""

from __future__ import annotations


class TokenBucket:
    """Lets ``per_s`` through on average and ``burst`` at once.

    Kept as the time at which the bucket will be full again (the generic cell rate algorithm, ITU-T
    I.371): each token moves it by 1/rate, and it may lie at most burst/rate ahead.
    """

    __slots__ = ("_full_at", "_interval_s", "_span_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self._interval_s = 1.0 / per_s
        self._span_s = burst / per_s
        self._full_at = 0.0

    def take(self, now: float) -> bool:
        """Take a token if there is one. ``now`` in seconds, of one monotonic clock."""
        full_at = self._full_at
        if full_at < now:
            full_at = now
        full_at += self._interval_s
        # The tiny part forgives rounding: a burst of 3 means 3, not 2.
        if full_at - now > self._span_s + 1e-9:
            return False
        self._full_at = full_at
        return True

    def wait_s(self, now: float) -> float:
        """How long until :meth:`take` will succeed; 0 when it would now."""
        return max(0.0, self._full_at + self._interval_s - now - self._span_s)
