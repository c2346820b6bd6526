"""Installing: locked down to the byte, repeatable, and quiet when there is nothing to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from standalone.services import PROJECT

REQUIREMENTS = PROJECT / "requirements"
LOCKS = sorted(path.stem for path in REQUIREMENTS.glob("*.lock"))


def pins(lock: str) -> dict[str, str]:
    """Each package of a lock file with its version."""
    text = (REQUIREMENTS / f"{lock}.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    text = (REQUIREMENTS / f"{lock}.lock").read_text()
    packages = [block for block in re.split(r"\n(?=[a-z0-9])", text) if not block.startswith("#")]
    assert len(packages) == len(pins(lock)) > 1
    assert [block for block in packages if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path_of_a_machine_is_locked_in(lock: str) -> None:
    lines = (REQUIREMENTS / f"{lock}.lock").read_text().splitlines()
    assert [line for line in lines if re.search(r"://|index-url|find-links| /|@ ", line)] == []


def test_all_lock_files_agree() -> None:
    everything = pins("dev")
    for lock in set(LOCKS) - {"web"}:  # Node, which no Python of ours uses
        assert pins(lock).items() <= everything.items()


def test_what_is_asked_for_is_what_is_locked() -> None:
    for lock in LOCKS:
        asked = re.findall(
            r"^([\w.-]+)==(\S+)", (REQUIREMENTS / f"{lock}.in").read_text(), re.MULTILINE
        )
        assert set(asked) <= set(pins(lock).items())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with only what installing needs."""
    (tmp_path / "standalone").mkdir()
    (tmp_path / "requirements").mkdir()
    shutil.copy(PROJECT / "standalone" / "install.sh", tmp_path / "standalone")
    shutil.copy(REQUIREMENTS / "standalone.lock", tmp_path / "requirements")
    return tmp_path


def install(project: Path, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "/bin/sh", "standalone/install.sh", "standalone"],
        cwd=project,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_run_does_nothing(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    shutil.copy(
        project / "requirements" / "standalone.lock", project / ".venv" / "installed-standalone"
    )
    done = install(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (project / ".venv" / "install.log").exists()


def test_a_missing_python_is_one_line(project: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "cmp", "rm"):
        (programs / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    old = programs / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as an older Python answers the question for its version
    old.chmod(0o755)
    done = install(project, path=str(programs))
    assert done.returncode == 1
    assert done.stderr == (
        "error: Python 3.11 or newer is needed: install it so that python3.11 or python3 "
        "starts it\n"
    )
