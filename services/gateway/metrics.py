"""The gateway's metrics.

What is counted per frame or per delivery is a plain number here and becomes a metric only when
Prometheus asks: a counter's lock and label lookup would cost more than the work it counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from shared.metrics import LATENCY_BUCKETS_S

_PREFIX = "agileim_gateway_"


class Latency:
    """A histogram of seconds, as cheap as it can be: one search and two additions."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BUCKETS_S) + 1)  # the last: above all bounds
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a clock that was set back counts as 0."""
        self.counts[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self.total_s += max(0.0, seconds)

    def family(self, name: str, text: str) -> Metric:
        """As Prometheus wants it: cumulative."""
        bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
        buckets = list(zip(bounds, accumulate(self.counts), strict=True))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self.total_s)


class GatewayMetrics(Collector):
    """Numbers of one gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.frames_received: Tally[str] = Tally()  # by type
        self.closes: Tally[int] = Tally()  # by code
        self.refusals: Tally[str] = Tally()  # of sends, by error code
        self.refused_connects: Tally[str] = Tally()  # by reason
        self.events_written = 0
        self.signals_written = 0
        self.entries_read = 0
        self.redelivered = 0
        self.repeats_dropped = 0
        self.fenced_off = 0
        self.bad_entries = 0
        self.slow_consumers = 0
        self.signals_dropped = 0
        self.rebirths = 0
        self.receipts_refused = 0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.send_seconds = Latency()
        self.event_seconds = Latency()
        self.batch_messages = Histogram(
            _PREFIX + "send_batch_messages",
            "Messages in one request to api",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        registry.register(self)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Have ``value`` called at each scrape."""
        self._gauges[_PREFIX + name] = (text, value)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        yield self.send_seconds.family(
            _PREFIX + "send_duration_seconds",
            "From a send frame to its commit, as this gateway learned of it",
        )
        yield self.event_seconds.family(
            _PREFIX + "event_latency_seconds",
            "From an event's commit to its writing to the sockets here",
        )
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value())
        yield _labelled("frames_received", "Frames from clients", "type", self.frames_received)
        yield _labelled("closes", "Sockets closed by this gateway", "code", self.closes)
        yield _labelled("sends_refused", "Messages refused", "code", self.refusals)
        yield _labelled("connects_refused", "Upgrades refused", "reason", self.refused_connects)
        for name, text, count in (
            ("events_written", "Event frames given to sockets", self.events_written),
            ("signals_written", "Typing, presence and receipt frames", self.signals_written),
            ("entries_read", "Entries of the own stream", self.entries_read),
            ("redeliveries", "Entries first seen when re-reading the PEL", self.redelivered),
            ("repeats_dropped", "Entries read again while known", self.repeats_dropped),
            ("fenced_off", "Deliveries of deposed owners", self.fenced_off),
            ("bad_entries", "Entries that could not be read", self.bad_entries),
            ("slow_consumers", "Sockets closed for not keeping up", self.slow_consumers),
            ("signals_dropped", "Signals not handed to Redis", self.signals_dropped),
            ("rebirths", "New gateway ids taken", self.rebirths),
            ("receipts_refused", "Marks that api refused", self.receipts_refused),
        ):
            yield CounterMetricFamily(_PREFIX + name, text, count)


def _labelled(name: str, text: str, label: str, counts: Tally[str] | Tally[int]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([str(value)], count)
    return family
