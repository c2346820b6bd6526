"""Writes the dashboards: python -m deploy.grafana.write [FOLDER]

A dashboard is a list of panels; a panel is a title, a unit and its queries. Everything else that
Grafana wants is the same for all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "dashboards"
RATE = "[$__rate_interval]"
WIDTH, HEIGHT = 12, 8  # of Grafana's 24 columns: two panels in a row


class Panel(NamedTuple):
    """One graph; `queries` maps the legend to the expression."""

    title: str
    unit: str  # as Grafana names them: short, s, ops, percentunit, bytes
    queries: dict[str, str]
    text: str = ""


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Per second, all processes together."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{where}{RATE}))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """The time within which this share stays."""
    grouping = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({grouping}) (rate({histogram}_bucket{RATE})))"


def spread(histogram: str) -> dict[str, str]:
    """Median and two tails."""
    return {f"p{share * 100:g}": quantile(share, histogram) for share in (0.5, 0.95, 0.99)}


DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "overview": ("AgileIM: overview", [
        Panel("Signed-in connections", "short", {"all": "sum(agileim_gateway_connections)"}),
        Panel("Messages", "ops", {"{{result}}": rate("agileim_api_sends_total", "result")}),
        Panel("From commit to socket", "s", spread("agileim_gateway_event_latency_seconds")),
        Panel("From send to answer", "s", spread("agileim_gateway_send_duration_seconds")),
        Panel("Refused by our fault", "percentunit",
              {"5 min": "agileim:send_errors:ratio_rate5m",
               "1 h": "agileim:send_errors:ratio_rate1h"}, "The objective allows 0.1 %."),
        Panel("Requests answered 5xx", "percentunit",
              {"{{job}}": "agileim:http_errors:ratio_rate5m"}),
        Panel("Memory", "bytes", {"{{job}} {{instance}}": "process_resident_memory_bytes"}),
        Panel("CPU", "percentunit",
              {"{{job}} {{instance}}": f"rate(process_cpu_seconds_total{RATE})"},
              "1 is a whole core, and all that one process can use."),
        Panel("Sign-ins", "ops", {"{{outcome}}": rate("agileim_auth_logins_total", "outcome")}),
        Panel("Waiting for a password hash", "s", spread("agileim_auth_hash_wait_seconds")),
    ]),
    "delivery": ("AgileIM: delivery", [
        Panel("Partitions with an owner", "short",
              {"{{instance}}": "agileim_dispatcher_owned_partitions",
               "in all": "max(agileim_dispatcher_partitions)"}),
        Panel("Entries not read yet, by partition", "short",
              {"{{partition}}": "max by (partition) (agileim_dispatcher_stream_lag_entries)"}),
        Panel("Entries read and not confirmed, by partition", "short",
              {"{{partition}}": "max by (partition) (agileim_dispatcher_pending_entries)"}),
        Panel("From commit to the gateways' streams", "s",
              spread("agileim_dispatcher_event_latency_seconds")),
        Panel("Events", "ops", {"routed": rate("agileim_dispatcher_events_routed_total"),
                                "to gateways": rate("agileim_dispatcher_deliveries_total"),
                                "repeats": rate("agileim_dispatcher_repeats_total")}),
        Panel("Gaps", "ops", {"filled": rate("agileim_dispatcher_gaps_filled_total"),
                              "left to clients": rate("agileim_dispatcher_gaps_skipped_total")}),
        Panel("Trouble", "ops", {
            "dead": rate("agileim_dispatcher_dead_entries_total"),
            "cut": rate("agileim_dispatcher_entries_cut_total"),
            "fenced": rate("agileim_dispatcher_fenced_writes_total"),
            "redelivered": rate("agileim_dispatcher_redelivered_total"),
            "of unknown conversations": rate("agileim_dispatcher_unknown_events_total")}),
        Panel("Dead gateways", "short", {
            "buried": "sum(increase(agileim_dispatcher_reaped_gateways_total[5m]))",
            "items routed again": "sum(increase(agileim_dispatcher_rerouted_items_total[5m]))"}),
    ]),
    "gateway": ("AgileIM: gateway", [
        Panel("Connections", "short", {"{{instance}}": "agileim_gateway_connections",
                                       "{{instance}} sockets": "agileim_gateway_open_sockets"}),
        Panel("Frames from clients", "ops",
              {"{{type}}": rate("agileim_gateway_frames_received_total", "type")}),
        Panel("Frames to clients", "ops", {
            "events": rate("agileim_gateway_events_written_total"),
            "signals": rate("agileim_gateway_signals_written_total")}),
        Panel("Closes by code", "ops", {"{{code}}": rate("agileim_gateway_closes_total", "code")}),
        Panel("Connects refused", "ops",
              {"{{reason}}": rate("agileim_gateway_connects_refused_total", "reason")}),
        Panel("Messages refused", "ops",
              {"{{code}}": rate("agileim_gateway_sends_refused_total", "code")}),
        Panel("Not confirmed yet", "short", {
            "{{instance}} entries": "agileim_gateway_outstanding_entries",
            "{{instance}} marks": "agileim_gateway_receipts_waiting"}),
        Panel("Trouble", "ops", {
            "slow consumers": rate("agileim_gateway_slow_consumers_total"),
            "rebirths": rate("agileim_gateway_rebirths_total"),
            "bad entries": rate("agileim_gateway_bad_entries_total"),
            "fenced off": rate("agileim_gateway_fenced_off_total"),
            "signals dropped": rate("agileim_gateway_signals_dropped_total")}),
    ]),
    "database": ("AgileIM: database", [
        Panel("From BEGIN to COMMIT of sends", "s",
              spread("agileim_api_send_commit_duration_seconds")),
        Panel("Messages in one transaction", "short", spread("agileim_api_send_batch_messages")),
        Panel("Busy connections", "short",
              {"{{instance}}": "agileim_api_database_connections_in_use"}),
        Panel("Outbox", "short", {"transactions": "max(agileim_api_outbox_rows)"},
              "What has been committed and may not have reached Redis."),
        Panel("Age of the oldest in the outbox", "s",
              {"age": "max(agileim_api_outbox_age_seconds)"}),
        Panel("Into the streams", "ops", {
            "{{way}}": rate("agileim_api_published_events_total", "way"),
            "left to the relay": rate("agileim_api_left_to_relay_events_total")}),
        Panel("Writes to Redis that failed", "ops",
              {"{{what}}": rate("agileim_api_publish_failures_total", "what")}),
        Panel("Requests by route, slowest of 100", "s", {
            "{{route}}": "histogram_quantile(0.99, sum by (le, route) "
            f'(rate(agileim_http_request_duration_seconds_bucket{{job="api"}}{RATE})))'}),
    ]),
}  # fmt: skip


def panel(number: int, described: Panel) -> dict[str, Any]:
    """As Grafana wants it."""
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": described.title,
        "description": described.text,
        "datasource": source,
        "gridPos": {
            "x": number % 2 * WIDTH, "y": number // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": described.unit, "min": 0}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": source, "expr": expr, "legendFormat": legend}
            for n, (legend, expr) in enumerate(described.queries.items())
        ],
    }  # fmt: skip


def dashboard(name: str) -> dict[str, Any]:
    """The whole document."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"agileim-{name}",
        "title": title,
        "tags": ["agileim"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Source", "type": "datasource",
                      "query": "prometheus"}]
        },
        "links": [{"type": "dashboards", "tags": ["agileim"], "asDropdown": True,
                   "title": "AgileIM", "keepTime": True}],
        "panels": [panel(number, each) for number, each in enumerate(panels)],
    }  # fmt: skip


def text_of(name: str) -> str:
    """The file's content."""
    return json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for each in DASHBOARDS:
        (folder / f"{each}.json").write_text(text_of(each), encoding="utf-8")
