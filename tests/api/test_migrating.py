"""``python -m services.api --migrate``, as the job runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def migrate(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.api", "--migrate"],
        check=False, capture_output=True, text=True, timeout=60, cwd=ROOT,
        env={"PATH": os.defpath, **settings},
    )  # fmt: skip


def test_an_empty_database_is_brought_to_this_version_once(postgres_url: str) -> None:
    first = migrate(AGILEIM_DATABASE_URL=postgres_url)
    assert (first.returncode, first.stderr) == (0, "")
    assert "0001_accounts" in first.stdout
    again = migrate(AGILEIM_DATABASE_URL=postgres_url)
    assert again.returncode == 0
    assert "nothing" in again.stdout


def test_two_jobs_at_once_do_no_harm(postgres_url: str) -> None:
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "services.api", "--migrate"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
            env={"PATH": os.defpath, "AGILEIM_DATABASE_URL": postgres_url},
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [job.communicate(timeout=60) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said


def test_without_a_database_it_fails_and_says_why() -> None:
    lost = migrate(AGILEIM_DATABASE_URL="postgresql://127.0.0.1:9/x", AGILEIM_DATABASE_WAIT_S="0.1")
    assert lost.returncode == 1
    assert "PostgreSQL" in lost.stderr
    assert "Traceback" not in lost.stderr
    unset = migrate()
    assert unset.returncode == 2
    assert "AGILEIM_DATABASE_URL is missing" in unset.stderr
