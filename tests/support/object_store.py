"""A real S3-compatible store on this machine, for the tests of what speaks to one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from standalone.ports import free_port
from tests.support.servers import wait_until_sync

ACCESS_KEY, SECRET_KEY = "tests", "tests-secret"


@dataclass(frozen=True)
class ObjectStore:
    """A running one."""

    url: str


def program() -> str | None:
    """SeaweedFS, beside this Python or on PATH."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """SeaweedFS with one identity, listening on loopback only, gone at the end."""
    weed = program()
    assert weed is not None
    folder.mkdir(parents=True)
    identities = folder / "identities.json"
    keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    one = {"name": "tests", "credentials": [keys], "actions": ["Admin"]}
    identities.write_text(json.dumps({"identities": [one]}))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    grpc = {name: free_port() for name in ports}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                weed, "server", f"-dir={folder}", "-s3", f"-s3.config={identities}",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
                "-volume.max=20", "-master.volumeSizeLimitMB=64",
                *(f"-{name}.port={port}" for name, port in ports.items()),
                *(f"-{name}.port.grpc={port}" for name, port in grpc.items()),
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{ports['s3']}"
    try:
        wait_until_sync(lambda: _answers(url), timeout_s=60.0, poll_s=0.1)
        yield ObjectStore(url)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own
    except urllib.error.HTTPError as answer:
        answer.close()  # it says who may not
        return answer.code == 403
    except OSError:
        return False
    return True
