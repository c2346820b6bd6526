"""How often a person may call, by kind of call.

Counted in each process, by the generic cell rate algorithm: one number for a person and a kind, the
time at which their allowance would be whole again. With n replicas the bound is n times as high,
and no call waits for a shared count (docs/decisions/0018).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Final

from shared import limits
from shared.codes import ErrorCode
from shared.problems import Problem

REMEMBERED_MAX: Final = 200_000  # people and kinds; the longest silent ones are forgotten


class Rate(Enum):
    """Kinds of calls: how many in a second on average, and how many at once."""

    READ = (limits.READS_PER_S, limits.READS_BURST)
    WRITE = (limits.WRITES_PER_S, limits.WRITES_BURST)
    SEND = (limits.SENDS_PER_S, limits.SENDS_BURST)
    SEARCH = (limits.SEARCHES_PER_S, limits.SEARCHES_BURST)
    ASK = (limits.REQUESTS_PER_S, limits.REQUESTS_BURST)  # things of people who may not want them


class Rates:
    """What everybody has left. ``factor`` multiplies all of it; 0: no limits."""

    def __init__(
        self,
        factor: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._factor = factor
        self._clock = clock
        self._on_refused = on_refused
        self._whole_at: OrderedDict[tuple[str, Rate], float] = OrderedDict()

    def take(self, user: str, rate: Rate) -> None:
        """One call. Raises Problem ``rate_limited``, which tells when to try again."""
        if not self._factor:
            return
        now = self._clock()
        per_s, burst = rate.value
        cost_s = 1 / (per_s * self._factor)
        key = (user, rate)
        whole_at = max(self._whole_at.get(key, now), now) + cost_s
        wait_s = whole_at - now - burst * self._factor * cost_s
        if wait_s > 1e-9:
            self._on_refused(rate.name.lower())
            raise Problem(
                ErrorCode.RATE_LIMITED,
                "Too many calls of this kind: wait a little.",
                retry_after_ms=int(wait_s * 1000) + 1,
            )
        self._whole_at[key] = whole_at
        self._whole_at.move_to_end(key)
        while len(self._whole_at) > REMEMBERED_MAX:
            self._whole_at.popitem(last=False)
