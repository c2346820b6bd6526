"""What never gets into a log."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from shared import logs

logs.configure("info", "{fmt}", "api", "api-1")

def sign_in(password):
    raise ValueError("no such account")

try:
    sign_in("hun" + "ter2")
except ValueError:
    logs.get_logger().exception("request_failed")
"""


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_trace_shows_the_way_and_no_local_variables(fmt: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(fmt=fmt)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    log = done.stdout + done.stderr
    assert "no such account" in log
    assert "sign_in" in log
    assert "hunter2" not in log
