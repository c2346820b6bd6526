"""`python -m standalone` as a person runs it: ready, used, stopped, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from standalone.ports import free_port
from standalone.process import descendants
from standalone.servers.caddy import http_status
from standalone.services import PROJECT
from tests.standalone.test_process import gone
from tests.support.servers import wait_until_sync


class Up:
    """One run of the command."""

    def __init__(self, data: Path, **settings: str) -> None:
        port = free_port()
        own = {"AGILEIM_DATA": str(data), "AGILEIM_PORT": str(port)}
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "standalone"],
            cwd=PROJECT,
            env={**os.environ, **own, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read_until(self, part: str) -> str:
        """The next line of the output that holds `part`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if part in line:
                return self.lines[-1]
        raise AssertionError(f"{part!r} never came: {self.lines} {self.finish()}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; the exit code and what was on stderr."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, str]:
        """Wait for the end; the exit code and what was on stderr."""
        with self.process:
            out, errors = self.process.communicate(timeout=60)
        self.lines += out.splitlines()
        return self.process.returncode, errors

    def children(self) -> list[int]:
        return descendants(self.process.pid)


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs on one data folder, one after the other; what still runs is killed."""
    runs: list[Up] = []

    def run(**settings: str) -> Up:
        runs.append(Up(tmp_path / "data", **settings))
        return runs[-1]

    yield run
    for up in runs:
        if up.process.stdout and not up.process.stdout.closed:
            up.process.kill()
            up.finish()


def keys(url: str) -> object:
    with urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=5) as answer:  # noqa: S310
        return json.load(answer)["keys"]


def name_of(pid: int) -> str:
    """What a child of ours is: the service of `python -m services.x`, or the program's name."""
    command = psutil.Process(pid).cmdline()
    return command[-1].removeprefix("services.") if "-m" in command else Path(command[0]).name


@pytest.mark.slow
def test_it_gets_ready_mends_itself_stops_and_finds_its_data_again(
    start: Start, tmp_path: Path
) -> None:
    up = start()
    assert up.read_until("ready") == f"ready {up.url}"
    assert "register" in up.read_until("next:")
    first_keys = keys(up.url)
    assert http_status(f"{up.url}/") == 200
    assert http_status(f"{up.url}/v1/limits") == 200
    for closed in ("/healthz", "/readyz", "/metrics", "/internal/v1/heads"):
        assert http_status(up.url + closed) == 404
    assert_no_secret_in_arguments(tmp_path / "data" / "secrets", up.children())

    gateway = next(pid for pid in up.children() if name_of(pid) == "gateway")
    os.kill(gateway, signal.SIGKILL)
    assert "gateway-1 was killed by SIGKILL" in up.read_until("starting it again")
    up.read_until("gateway-1 is back")

    children = up.children()
    assert up.end(signal.SIGTERM) == (0, "")
    assert up.lines[-1] == "· stopped"
    assert [line for line in up.lines if line.startswith("ready")] == [f"ready {up.url}"]
    assert all(gone(pid) for pid in children)

    began = time.monotonic()
    again = start()
    again.read_until("ready")
    assert time.monotonic() - began < 10
    assert keys(again.url) == first_keys
    children = again.children()
    assert again.end(signal.SIGKILL)[0] == -signal.SIGKILL
    wait_until_sync(lambda: all(gone(pid) for pid in children), timeout_s=10)

    third = start()
    third.read_until("ready")
    assert third.end(signal.SIGINT)[0] == 0


def assert_no_secret_in_arguments(folder: Path, pids: list[int]) -> None:
    secrets = [path.read_text() for path in folder.iterdir()]
    assert len(secrets) > 5
    commands = "\n".join(" ".join(psutil.Process(pid).cmdline()) for pid in pids)
    assert not [secret for secret in secrets if secret in commands]


def test_a_taken_port_is_one_line(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, errors = start(AGILEIM_PORT=str(port)).finish()
    assert code == 1
    assert errors == (
        f"error: port {port} is taken: stop what uses it or choose another one, for example "
        f"AGILEIM_PORT={port + 1}\n"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"AGILEIM_PORT": "http"}, "AGILEIM_PORT is 'http': it must be a number from 0 to 65535"),
        ({"AGILEIM_GATEWAYS": "0"}, "AGILEIM_GATEWAYS is '0': it must be a number from 1 to 16"),
        (
            {"AGILEIM_DATABASE_URL_FILE": "/nonexistent"},
            "AGILEIM_DATABASE_URL_FILE: cannot read /nonexistent (No such file or directory)",
        ),
        (
            {"AGILEIM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
            "cannot use AGILEIM_DATABASE_URL: connection to server",
        ),
    ],
)
def test_wrong_settings_are_one_line(start: Start, settings: dict[str, str], told: str) -> None:
    code, errors = start(**settings).finish()
    assert code == 1
    assert errors.startswith(f"error: {told}")
    assert errors.count("\n") == 1
