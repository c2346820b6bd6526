"""A crash point kills at the named pass of the named point, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from shared.crashpoints import VARIABLE, armed


def test_only_the_named_pass_of_the_named_point_is_fatal() -> None:
    deaths: list[str] = []
    crash_here = armed("api.after_commit:3", lambda: deaths.append("died"))
    for _ in range(2):
        crash_here("api.after_commit")
        crash_here("dispatcher.after_xadd")
    assert deaths == []
    crash_here("api.after_commit")
    assert deaths == ["died"]
    crash_here("api.after_commit")
    assert deaths == ["died"]


def test_without_the_variable_nothing_dies() -> None:
    for _ in range(3):
        armed("")("api.after_commit")


def test_of_several_processes_only_the_first_dies(tmp_path: Path) -> None:
    deaths: list[int] = []
    wanted = f"x:2:{tmp_path / 'claimed'}"
    processes = [armed(wanted, partial(deaths.append, number)) for number in range(3)]
    for _ in range(4):
        for crash_here in reversed(processes):
            crash_here("x")
    assert deaths == [2]


def test_a_process_dies_by_sigkill() -> None:
    program = "from shared.crashpoints import crash_here\ncrash_here('x')\nprint('survived')"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, VARIABLE: "x"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert run.stdout == b""
