"""The Dockerfile built by buildah: the stages of the services, on a base made of Debian's packages.

The base that the Dockerfile names comes from a registry; this one has the same Python from Debian.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.operators.deployments import ROOT, SETTINGS, tool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        "AGILEIM_TEST_OPERATORS" not in os.environ,
        reason="makes a base system and installs all packages: `make test-operators` does",
    ),
    pytest.mark.skipif(os.getuid() != 0, reason="a base system is made as root"),
]

BASE_PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
BASE, IMAGE = "localhost/agileim-base", "localhost/agileim"

Buildah = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """Runs buildah with a store of its own, in which the image is built."""
    program = tool("buildah", "Debian: buildah")
    debootstrap = tool("debootstrap", "Debian: debootstrap")
    folder = tmp_path_factory.mktemp("buildah")
    own = ["--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *own, *arguments], cwd=ROOT, check=False, capture_output=True, text=True,
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )  # fmt: skip

    try:
        made = subprocess.run(
            [debootstrap, "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm",
             folder / "base"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"there is no base system: {made.stdout[-300:]}")
        container = done(run("from", "scratch")).strip()
        done(run("add", container, folder / "base", "/"))
        done(run("commit", "--quiet", "--rm", container, BASE))
        build_image(run)
        yield run
    finally:
        run("rm", "--all")
        run("rmi", "--all", "--force")


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def build_image(run: Buildah) -> None:
    """The target `service`; pip finds its packages as it does on this machine."""
    seen = [Path("/etc/pip.conf"), Path("/etc/ssl/certs")]
    mounts = [f"--volume={path}:{path}:ro" for path in seen if path.exists()]
    bases = [f"--build-arg={name}={BASE}" for name in ("PYTHON", "NODE", "CADDY")]
    done(
        run("bud", "--pull-never", "--network=host", "--target=service", *bases, *mounts,
            f"--tag={IMAGE}", ".")
    )  # fmt: skip


@pytest.fixture
def container(buildah: Buildah) -> Iterator[str]:
    name = done(buildah("from", "--pull-never", IMAGE)).strip()
    yield name
    done(buildah("rm", name))


def test_what_the_image_says_of_itself(buildah: Buildah) -> None:
    config = json.loads(done(buildah("inspect", "--type=image", IMAGE)))["OCIv1"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "services.api"]
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert config["Labels"]["org.opencontainers.image.title"] == "AgileIM"


def test_it_runs_as_its_user_who_may_write_in_volumes_only(
    buildah: Buildah, container: str
) -> None:
    script = (
        "import json, os; print(json.dumps([os.getuid(), sorted(os.listdir('/app')),"
        " [path for path in ('/', '/app', '/opt/agileim', '/keys', '/files')"
        " if os.access(path, os.W_OK)]]))"
    )
    found = json.loads(done(buildah("run", container, "--", "python", "-c", script)))
    assert found == [10001, ["admin", "services", "shared"], ["/keys", "/files"]]


@pytest.mark.parametrize("service", SETTINGS)
def test_each_command_starts_and_tells_its_missing_settings(
    buildah: Buildah, container: str, service: str
) -> None:
    ended = buildah("run", container, "--", "python", "-m", f"services.{service}")
    assert ended.returncode == 2, ended.stderr
    assert "AGILEIM_REDIS_URL is missing" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
