"""The generator's clock: open load at a steady rate, and when it looks at its sockets."""

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


async def take_turns(turn_s: float) -> None:
    """Have the event loop look at its sockets once in `turn_s` only; runs until cancelled.

    A client that sleeps until data comes is woken by every single write to it. On the same machine
    the writer pays for that, with about half of what a write costs; clients elsewhere cost it
    nothing. So the generator looks for itself, at the price of `turn_s` of measured latency.
    """
    while True:
        time.sleep(turn_s)  # noqa: ASYNC251 - blocks the loop: that is the point
        await asyncio.sleep(0)
