"""The steps of the Dockerfile, done in a bare folder: what they leave is enough to run.

An own environment from the lock file alone, only `services` and `shared` beside it, nothing of it
writable, another user. What a container engine would add is its own: layers, namespaces, limits.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from standalone.ports import free_port
from standalone.servers.caddy import http_status
from tests.operators.deployments import ROOT, SETTINGS
from tests.support.servers import wait_until_sync

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        "AGILEIM_TEST_OPERATORS" not in os.environ,
        reason="installs all packages anew: `make test-operators` does",
    ),
]

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
UID = 10001
SECRET = "0123456789abcdef" * 3


def pip_steps() -> list[list[str]]:
    """The arguments of each use of pip in the Dockerfile."""
    steps = re.findall(r"/opt/agileim/bin/pip ([^&\n]+)", DOCKERFILE)
    assert len(steps) == 2, steps
    return [shlex.split(step) for step in steps]


def image_environment() -> dict[str, str]:
    """What ENV sets in the services' stage, but for PATH."""
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    (assignments,) = re.findall(r"^ENV (.+)$", stage, re.MULTILINE)
    named = dict(each.split("=", 1) for each in shlex.split(assignments))
    return {name: value for name, value in named.items() if name != "PATH"}


def as_user(command: list[str]) -> list[str]:
    """Run as the image's user, where this process may choose."""
    if os.getuid() != 0:
        return command
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *command]


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """A folder with what the image would hold: opt/agileim and app."""
    folder = Path(tempfile.mkdtemp(prefix="agileim-image-"))
    try:
        packages = folder / "opt/agileim"
        venv.create(packages, with_pip=True, symlinks=True)
        python = str(packages / "bin/python")
        for arguments in pip_steps():
            mapped = [
                str(ROOT / "requirements/runtime.lock") if each == "/tmp/runtime.lock" else each
                for each in arguments
            ]
            subprocess.run(
                [python, "-m", "pip", *mapped], check=True, stdout=subprocess.DEVNULL,
                env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            )  # fmt: skip
        for part in ("shared", "services"):
            shutil.copytree(
                ROOT / part, folder / "app" / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        subprocess.run([python, "-m", "compileall", "-q", packages, folder / "app"], check=True)
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)
        yield folder
    finally:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def start(image: Path, service: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    python = str(image / "opt/agileim/bin/python")
    return subprocess.Popen(
        as_user([python, "-m", f"services.{service}"]), cwd=image / "app", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": os.defpath, **image_environment(), **environ},
    )  # fmt: skip


def is_ready(url: str) -> bool:
    return http_status(f"{url}/readyz", timeout_s=3.0) == 200


def test_no_build_tools_are_left(image: Path) -> None:
    site = next((image / "opt/agileim/lib").glob("python3.*/site-packages"))
    assert not (site / "pip").exists()
    assert not (site / "setuptools").exists()
    assert not (site / "pytest").exists()
    assert (site / "aiohttp").exists()


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_tells_its_missing_settings(image: Path, service: str) -> None:
    process = start(image, service, {})
    errors, _ = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert "AGILEIM_REDIS_URL is missing" in errors


def test_the_four_services_become_ready_and_stop(
    image: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    """With real servers: whatever is imported late, and every template and migration, is there."""
    work = Path(tempfile.mkdtemp(prefix="agileim-work-"))
    processes: dict[str, subprocess.Popen[str]] = {}
    try:
        (work / "keys").mkdir()
        clients = {
            name: {"secret": SECRET, "scopes": [f"internal.{name}"]}
            for name in ("gateway", "dispatcher")
        }
        (work / "clients.json").write_text(json.dumps(clients), encoding="utf-8")
        if os.getuid() == 0:
            for path in (work, work / "keys", work / "clients.json"):
                os.chown(path, UID, UID)
        urls = {service: f"http://127.0.0.1:{free_port()}" for service in SETTINGS}
        shared = {
            "AGILEIM_REDIS_URL": redis_url,
            "AGILEIM_KEY_PREFIX": key_prefix,
            "AGILEIM_ISSUER": "http://localhost:8080",
            "AGILEIM_DATABASE_URL": postgres_url,
            "AGILEIM_API_URLS": urls["api"],
            "AGILEIM_AUTH_URL": urls["auth"],
            "AGILEIM_KEYS_DIR": str(work / "keys"),
            "AGILEIM_SERVICE_CLIENTS_FILE": str(work / "clients.json"),
            "AGILEIM_CLIENT_SECRET": SECRET,
            "AGILEIM_DRAIN_S": "1",
        }
        for service, url in urls.items():
            own = {
                "AGILEIM_LISTEN": url.removeprefix("http://"),
                "AGILEIM_INSTANCE": f"{service}-1",
            }
            processes[service] = start(image, service, shared | own)
        for service, url in urls.items():
            try:
                wait_until_sync(partial(is_ready, url), timeout_s=60)
            except AssertionError:
                processes[service].kill()
                pytest.fail(f"{service} is not ready: {processes[service].communicate()[0]}")
        assert http_status(f"{urls['auth']}/connect/signin") in (200, 302, 400)
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for service, process in processes.items():
            errors, _ = process.communicate(timeout=30)
            assert process.returncode == 0, f"{service}: {errors}"
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        shutil.rmtree(work)


def test_the_interpreter_is_the_one_of_the_image() -> None:
    """The lock is made for one version of Python; the base image must have the same."""
    (version,) = re.findall(r"^ARG PYTHON=python:(\d+\.\d+)-", DOCKERFILE, re.MULTILINE)
    assert version == f"{sys.version_info.major}.{sys.version_info.minor}"
