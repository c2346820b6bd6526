"""Updates and lost machines under load, on real processes: nothing is lost, and nobody is refused
for longer than a client tries again. ``make test-operators``."""

from __future__ import annotations

import os
import subprocess
import tarfile
from functools import partial
from pathlib import Path

import pytest

from standalone.stack import Options
from tests.faults import report
from tests.faults import run as runs
from tests.faults.injections import Fault
from tests.faults.plan import Size
from tests.operators.deployments import ROOT, tool
from tests.operators.outages import NODE_LOST, POSTGRES, ROLLING, UPDATE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not os.environ.get("AGILEIM_TEST_OPERATORS"), reason="slow: make test-operators"
    ),
]

# The version before this one, until there are tags: the first with a web client.
FORMER = "70da7fc"


def size(duration_s: float) -> Size:
    return Size(users=20, second_devices=5, groups=3, duration_s=duration_s, rate=40.0)


async def check(fault: Fault, duration_s: float, folder: Path) -> None:
    """No message lost, repeated, out of order or shown to the wrong ones; every send acknowledged:
    what a server that stopped did not answer was sent again by the client, and taken."""
    result = await runs.run(fault, 1, size(duration_s), folder)
    assert result.passed, "\n".join(report.details(result))
    assert result.summary.acked > 30 * duration_s
    assert result.summary.unknown == 0, result.codes
    # What is refused for good is refused as ever: guests who are just out of a group, and replies
    # to what was recalled meanwhile (or, by a version that knows no threads, in one). Nothing is
    # refused because something was away.
    assert set(result.codes) <= {"refused not_found", "refused invalid"}, result.codes


async def test_a_rolling_restart_of_everything_is_not_noticed(tmp_path: Path) -> None:
    await check(ROLLING, 30.0, tmp_path)


async def test_a_lost_node_costs_time_and_nothing_else(tmp_path: Path) -> None:
    await check(NODE_LOST, 15.0, tmp_path)


async def test_a_restart_of_postgresql_costs_time_and_nothing_else(tmp_path: Path) -> None:
    await check(POSTGRES, 10.0, tmp_path)


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The code of the version before."""
    git = tool("git", "it brings the former version")
    packed = tmp_path / "former.tar"
    made = subprocess.run(
        [git, "archive", "--output", packed, FORMER, "services", "shared"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"this is no clone with the history of {FORMER}: {made.stderr.strip()}")
    folder = tmp_path / "former"
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder


async def test_an_update_from_the_version_before_under_load(
    former: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "Options", partial(Options, code=former))
    await check(UPDATE, 36.0, tmp_path / "run")
