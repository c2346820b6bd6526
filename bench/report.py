"""The results as tables for people and as JSON for comparisons."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).with_name("results")
ROOT: Final = Path(__file__).parent.parent

# (scenario, path to the figure, at most or at least, target), on two cores with the generator.
TARGETS: Final = (
    ("direct_closed", ("acked_per_s",), ">=", 4_000.0),
    ("direct_closed", ("cpu_us", "total"), "<=", 320.0),
    ("direct_half", ("latency_ms", "p99"), "<=", 50.0),
    ("room_10000", ("cpu_us", "total"), "<=", 20.0),
    ("room_60000", ("delivered_per_s",), ">=", 59_000.0),  # the rate offered, less its rounding
    ("room_60000", ("cpu_us", "total"), "<=", 14.0),
    ("idle", ("kib_per_connection",), "<=", 20.0),
    ("reconnect_cold", ("connects_per_s",), ">=", 1_500.0),
    ("reconnect_warm", ("connects_per_s",), ">=", 1_500.0),
    # Of one core that does nothing else, whichever processes the work is in.
    ("refreshes", ("per_core_per_s",), ">=", 500.0),
    ("verify_first", ("per_core_per_s",), ">=", 5_000.0),
    ("verify_remembered", ("per_core_per_s",), ">=", 200_000.0),
)


def environment() -> dict[str, Any]:
    """What was measured, and on what."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    git = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],  # noqa: S607 - from PATH
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": git.stdout.strip(),
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """A Markdown table of rates, latencies and costs, then one of CPU by process."""
    lines = [
        "| scenario | acked/s | delivered/s | p50 ms | p95 ms | p99 ms | CPU µs |"
        " server cores | generator | others |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, figures in results.items():
        latency, cores = figures.get("latency_ms", {}), figures.get("cores", {})
        cells = [
            figures.get("acked_per_s", ""),
            figures.get("delivered_per_s", figures.get("connects_per_s", "")),
            *(latency.get(rank, "") for rank in ("p50", "p95", "p99")),
            figures.get("cpu_us", {}).get("total", ""),
            *(cores.get(part, "") for part in ("servers", "generator", "others")),
        ]
        lines.append(f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n\n" + _by_process(results)


def _by_process(results: dict[str, dict[str, Any]]) -> str:
    costs: dict[str, dict[str, float]] = {}
    for name, figures in results.items():
        cost = figures.get("cpu_us") or figures.get("cpu_us_per_connection_per_s")
        if cost:
            costs[name] = cost
    parts = sorted({part for cost in costs.values() for part in cost} - {"total"})
    lines = [
        "| CPU µs each | total | " + " | ".join(parts) + " |",
        "|---|--:|" + "--:|" * len(parts),
    ]
    for name, cost in costs.items():
        cells = [cost.get("total", ""), *(cost.get(part, "") for part in parts)]
        lines.append(f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def judge(results: dict[str, dict[str, Any]]) -> list[tuple[str, float, str, float, bool]]:
    """Each target that was measured: figure, value, relation, target, met."""
    found = []
    for scenario, path, relation, target in TARGETS:
        value: Any = results.get(scenario)
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            met = value >= target if relation == ">=" else value <= target
            found.append((f"{scenario} {'.'.join(path)}", value, relation, target, met))
    return found


def save(document: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Keep the results as JSON, named by the time."""
    stamp = document["environment"]["at"].replace(":", "").replace("+0000", "Z")
    path = folder / f"{stamp}.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path
