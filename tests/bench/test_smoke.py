"""Every scenario of the bench runs, at toy size, and counts what it should."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import report
from bench.__main__ import SCENARIOS, Size, measure
from bench.calibration import calibrate
from bench.target import started
from bench.window import percentile

TOY = Size(
    warm_up_s=0.2,
    measured_s=0.5,
    pairs=2,
    members=5,
    senders=2,
    rates=(40.0,),
    idle=5,
    reconnect=5,
    checked=20,
)


@pytest.mark.slow
async def test_every_scenario_runs(tmp_path: Path) -> None:
    with started(tmp_path) as target:
        results = await measure(target, list(SCENARIOS), TOY)
    for name in ("direct_closed", "direct_half", "room_40", "room_max"):
        figures = results[name]
        assert figures["delivered_per_s"] > 0, name
        assert figures["acked_per_s"] > 0, name
        assert figures["latency_ms"]["p99"] > 0, name
        assert figures.get("refused", 0) == figures.get("unfinished", 0) == 0, name
        assert {"postgres", "redis", "auth", "api", "dispatcher", "gateway"} < {*figures["cpu_us"]}
    assert results["idle"]["connections"] == 5
    for name in ("reconnect_cold", "reconnect_warm"):
        assert results[name]["connects_per_s"] > 0
    for name in ("logins", "refreshes", "verify_first", "verify_remembered"):
        assert results[name]["per_core_per_s"] > 0, name
    assert "| direct_closed |" in report.table(results)
    assert {name.split()[0] for name, *_ in report.judge(results)} >= {"direct_closed", "idle"}


async def test_calibration_measures_the_machine(tmp_path: Path) -> None:
    figures = await calibrate(tmp_path)
    assert set(figures) == {
        "python_loop_ms", "loopback_echo_us", "burst_write_us", "fsync_ms"
    }  # fmt: skip
    assert all(value > 0 for value in figures.values())


def test_percentiles_are_by_nearest_rank() -> None:
    ordered = [1.0, 2.0, 3.0, 4.0]
    assert [percentile(ordered, share) for share in (0.25, 0.5, 0.99, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    assert math.isnan(percentile([], 0.5))
