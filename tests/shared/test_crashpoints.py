"""A crash point kills at the named pass of the named point, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

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
