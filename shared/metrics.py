"""Prometheus metrics of one application, and the page that shows them.

Each application has a registry of its own, so that several can live in one test process. Names
follow the Prometheus conventions: ``agileim_<service>_<what>_<unit>``, counters end in ``_total``,
labels have few values.
"""

from __future__ import annotations

import asyncio
import gc

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# From well under a millisecond to the longest time-out.
LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip


class Metrics:
    """The registry of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.http_seconds = Histogram(
            "agileim_http_request_duration_seconds",
            "Time to answer an HTTP request",
            ("method", "route", "status"),
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        # A number that only ever rises is a leak.
        tasks = Gauge("agileim_asyncio_tasks", "Tasks of the event loop", registry=self.registry)
        tasks.set_function(_tasks)

    async def page(self, _: web.Request) -> web.Response:
        """GET /metrics"""
        return web.Response(
            body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def _tasks() -> float:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # collected outside of the loop
        return 0


def tune_garbage_collector() -> None:
    """Fewer full collections: the long-lived objects of a server are not worth visiting often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
