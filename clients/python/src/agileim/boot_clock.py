"""A clock that several processes share and that nobody sets: seconds since this machine started.

Token files say with it how old a token is. The wall clock would do that wrongly whenever it is
wrong, or is put right in between.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import NamedTuple

_PROCESS = uuid.uuid4().hex  # where the system has no boot id, times are not shared


class Moment(NamedTuple):
    """`seconds` are comparable between moments with the same `boot`."""

    boot: str
    seconds: float

    def seconds_since(self, earlier: Moment) -> float | None:
        """The time between the two, or None if that cannot be told."""
        if earlier.boot != self.boot or earlier.seconds > self.seconds:
            return None
        return self.seconds - earlier.seconds


def now() -> Moment:
    """The present moment; goes on while the machine sleeps where the system can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return Moment(boot, time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, AttributeError):
        return Moment(_PROCESS, time.monotonic())
