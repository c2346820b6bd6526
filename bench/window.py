"""What is counted between two moments of a scenario, and the percentiles of it."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.usage import Meter, Spent


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of an ascending sequence; NaN if it is empty."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies_ms(latencies_ns: Sequence[int]) -> dict[str, float]:
    """p50, p95, p99 and the maximum in milliseconds; empty without any."""
    if not latencies_ns:
        return {}
    ordered = sorted(latencies_ns)
    named = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(ordered, share) / 1e6, 2) for name, share in named.items()}


@dataclass(slots=True)
class Window:
    """Counts while `open`; before and after it the load runs but is not counted."""

    open: bool = False
    acked: int = 0  # `sent` frames: durable messages
    delivered: int = 0  # `event` frames of messages
    latencies_ns: list[int] = field(default_factory=list)  # send → event at another client

    async def run(self, meter: Meter, warm_up_s: float, measured_s: float) -> Spent:
        """Let the load warm up, then count for `measured_s`; what the processes spent on it."""
        await asyncio.sleep(warm_up_s)
        # The generator's own pauses would look like the servers'.
        gc.collect()
        gc.disable()
        try:
            before = meter.sample()
            self.open = True
            await asyncio.sleep(measured_s)
            self.open = False
            return Spent.between(before, meter.sample())
        finally:
            gc.enable()


def result(window: Window, spent: Spent, per: int, **more: Any) -> dict[str, Any]:
    """The figures of a window; CPU is per `per` (messages or deliveries)."""
    return {
        **more,
        "seconds": round(spent.seconds, 2),
        "acked_per_s": round(window.acked / spent.seconds, 1),
        "delivered_per_s": round(window.delivered / spent.seconds, 1),
        "latency_ms": latencies_ms(window.latencies_ns),
        "cpu_us": {name: round(value, 2) for name, value in spent.us_per(per).items()},
        "cores": {name: round(value, 2) for name, value in spent.shares().items()},
    }
