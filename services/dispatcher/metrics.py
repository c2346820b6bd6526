"""What the dispatcher shows to Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import LATENCY_BUCKETS_S, Metrics

PREFIX = "agileim_dispatcher"


class DispatcherMetrics:
    """Counters are per process; gauges with the label ``partition`` exist for owned ones only."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"{PREFIX}_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"{PREFIX}_{name}", text, labels, registry=registry)

        self.stream_lag = gauge("stream_lag_entries", "Entries not read yet", "partition")
        self.pending = gauge("pending_entries", "Entries read and not confirmed", "partition")
        self.owned = gauge("owned_partitions", "Partitions that this process owns")
        self.partitions = gauge("partitions", "Partitions in all; owners together have as many")
        self.connections = gauge("connections", "Connections of all gateways, as mirrored")
        self.waiting = gauge("waiting_conversations", "Conversations whose members are not known")
        self.routed = counter("events_routed_total", "Events handed to gateways' streams")
        self.deliveries = counter("deliveries_total", "Events times the gateways they went to")
        self.repeats = counter("repeats_total", "Events dropped because they had come before")
        self.gaps_filled = counter("gaps_filled_total", "Events fetched from api to fill a gap")
        self.gaps_skipped = counter("gaps_skipped_total", "Gaps left to the clients to fetch")
        self.redelivered = counter("redelivered_total", "Entries taken up again from the pending")
        self.cut = counter("entries_cut_total", "Entries trimmed before they were confirmed")
        self.dead = counter("dead_entries_total", "Entries moved to the dead stream")
        self.unknown = counter("unknown_events_total", "Events of conversations api knows not")
        self.reaped = counter("reaped_gateways_total", "Dead gateways buried")
        self.rerouted = counter("rerouted_items_total", "Items of dead gateways routed again")
        self.offline = counter("offline_recipients_total", "Recipients without a connection")
        self.fenced = counter("fenced_writes_total", "Writes refused because the lease was lost")
        self.signals = counter("signals_total", "Typing, receipts, watches", "kind")
        self.signals_dropped = counter("signals_dropped_total", "Signals that could not be served")
        self.latency = Histogram(
            f"{PREFIX}_event_latency_seconds",
            "From commit to the gateways' streams, of the oldest event of each batch",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )

    def disown(self, partition: int) -> None:
        """Remove the gauges of a partition that is another one's now."""
        for gauge in (self.stream_lag, self.pending):
            # One that was never set is not there to be removed.
            gauge.labels(str(partition))
            gauge.remove(str(partition))
