"""What operators see of api."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import LATENCY_BUCKETS_S, Metrics


class ApiMetrics:
    """The metrics of one api application."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.sends = Counter(
            "agileim_api_sends_total",
            "Messages by what became of them: stored, repeat, or the code of the refusal",
            ("result",),
            registry=registry,
        )
        self.batch_messages = Histogram(
            "agileim_api_send_batch_messages",
            "Messages in one transaction",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "agileim_api_send_commit_duration_seconds",
            "From the start of a send transaction to its commit",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.published = Counter(
            "agileim_api_published_events_total",
            "Events written to the streams, by way: fast (right after commit) or relay",
            ("way",),
            registry=registry,
        )
        self.publish_failures = Counter(
            "agileim_api_publish_failures_total",
            "Writes to Redis that failed, by what: events, relay or signals",
            ("what",),
            registry=registry,
        )
        self.left_to_relay = Counter(
            "agileim_api_left_to_relay_events_total",
            "Events not published right after commit because too many were waiting",
            registry=registry,
        )
        self.rate_limited = Counter(
            "agileim_api_rate_limited_total",
            "Calls refused because one person made too many, by kind of call",
            ("kind",),
            registry=registry,
        )
        self.outbox_rows = Gauge(
            "agileim_api_outbox_rows",
            "Transactions whose events may not have reached Redis (counted up to 10,000)",
            registry=registry,
        )
        self.outbox_age_seconds = Gauge(
            "agileim_api_outbox_age_seconds", "Age of the oldest of them", registry=registry
        )
        self.database_connections_in_use = Gauge(
            "agileim_api_database_connections_in_use", "Busy connections", registry=registry
        )
