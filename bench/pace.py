"""Open load: things done at a steady rate, however long each one takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

# Finer than the latencies of interest, coarser than a message: at 5,000/s each turn sends five.
TURN_S: Final = 0.001


async def at_rate(per_s: float, act: Callable[[int, int], None]) -> None:
    """Call `act(index, due_ns)` `per_s` times a second until cancelled.

    `due_ns` is the moment it was due, not the moment it was done: latencies counted from it do not
    hide the generator's own delays (coordinated omission).
    """
    interval_ns = 1e9 / per_s
    start = time.perf_counter_ns()
    index = 0
    while True:
        now = time.perf_counter_ns()
        while (due := start + int(index * interval_ns)) <= now:
            act(index, due)
            index += 1
        await asyncio.sleep(TURN_S)
