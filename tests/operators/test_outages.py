"""Updates and lost machines under load, on real processes: nothing is lost, and nobody is refused
for longer than a client tries again. ``make test-operators``."""

from __future__ import annotations

import os
import subprocess
import tarfile
from functools import partial
from pathlib import Path

import pytest

from agileim.backoff import BASE_S
from standalone.stack import Options
from tests.faults import report, scene
from tests.faults import run as runs
from tests.faults.deeds import Deed
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

# What a client waits at most until its third try after a first failure.
RETRY_S = sum(BASE_S * 2**failures for failures in range(3))
CROWD_S = 0.25
USERS, DEVICES = 20, 25


def size(duration_s: float) -> Size:
    return Size(
        users=USERS, second_devices=DEVICES - USERS, groups=3, duration_s=duration_s, rate=40.0
    )


async def check(fault: Fault, duration_s: float, folder: Path) -> runs.Result:
    """No message lost, repeated, out of order or shown to the wrong ones; every send acknowledged:
    what a server that stopped did not answer was sent again by the client, and taken."""
    result = await runs.run(fault, 1, size(duration_s), folder)
    assert result.passed, "\n".join(report.details(result))
    assert result.summary.acked > 30 * duration_s
    assert result.summary.unknown == 0, result.codes
    # The workload has guests, who write while they are out of a group, and into threads that began
    # before they came (again). Nothing else is refused: not because something was away.
    assert result.unexplained == []
    return result


async def test_a_rolling_restart_of_everything_is_not_noticed(tmp_path: Path) -> None:
    result = await check(ROLLING, 30.0, tmp_path)
    assert result.longest_send_s < RETRY_S
    came = result.reconnects
    assert len(came) >= DEVICES, "the gateway that is stopped last has had everybody"
    crowd = max(sum(at <= other < at + CROWD_S for other in came) for at in came)
    assert crowd <= DEVICES / 2, "they do not come back at once"


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
    # The former version knows no threads, and says so.
    monkeypatch.setattr(scene, "DEEDS", [each for each in scene.DEEDS if each is not Deed.THREAD])
    await check(UPDATE, 36.0, tmp_path / "run")
