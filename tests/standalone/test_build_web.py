"""Building the web client: only when something changed, and never in the way of the rest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from standalone.services import PROJECT

TOOLS = ("sh", "dirname", "find", "cksum", "sort", "cat", "mkdir")
NODE = "#!/bin/sh\nexit 0\n"  # as a recent Node answers the question for its version
NPM = """#!/bin/sh
echo "$*" >>../../npm-calls
case $1 in
ci) mkdir -p node_modules ;;
run) mkdir -p dist && echo page >dist/index.html ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a web client, in which installing Node fails; `bin` is its PATH."""
    (tmp_path / "standalone").mkdir()
    shutil.copy(PROJECT / "standalone" / "build-web.sh", tmp_path / "standalone")
    (tmp_path / "standalone" / "install.sh").write_text("exit 1\n")
    web = tmp_path / "clients" / "web"
    for folder in ("src", "public", "scripts"):
        (web / folder).mkdir(parents=True)
    for name in ("index.html", "vite.config.ts", "package.json", "package-lock.json", "src/a.ts"):
        (web / name).write_text(name)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    return tmp_path


def program(project: Path, name: str, text: str) -> None:
    (project / "bin" / name).write_text(text)
    (project / "bin" / name).chmod(0o755)


def build(project: Path, what: str = "build") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(project / "bin" / "sh"), "standalone/build-web.sh", what],
        cwd=project,
        env={"PATH": str(project / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def calls(project: Path) -> list[str]:
    file = project / "npm-calls"
    return file.read_text().splitlines() if file.exists() else []


def test_without_node_everything_else_goes_on(project: Path) -> None:
    done = build(project)
    assert done.returncode == 0
    assert "no Node 20.19 or newer" in done.stderr
    assert "everything else works" in done.stderr
    assert build(project, "tools").returncode == 1


def test_it_is_built_when_something_changed(project: Path) -> None:
    program(project, "node", NODE)
    program(project, "npm", NPM)
    assert build(project).returncode == 0
    assert [call.split()[0] for call in calls(project)] == ["ci", "run"]
    again = build(project)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(calls(project)) == 2
    (project / "clients" / "web" / "src" / "a.ts").write_text("other")
    assert build(project).returncode == 0
    assert [call.split()[0] for call in calls(project)] == ["ci", "run", "run"]
    (project / "clients" / "web" / "package-lock.json").write_text("other")
    assert build(project).returncode == 0
    assert [call.split()[0] for call in calls(project)][3:] == ["ci", "run"]


def test_a_build_that_fails_leaves_the_last_one(project: Path) -> None:
    program(project, "node", NODE)
    program(project, "npm", NPM)
    assert build(project).returncode == 0
    program(project, "npm", "#!/bin/sh\nexit 1\n")
    (project / "clients" / "web" / "src" / "a.ts").write_text("broken")
    done = build(project)
    assert done.returncode == 0
    assert "building failed" in done.stderr
    assert "the one built before is shown" in done.stderr
