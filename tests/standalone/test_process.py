"""A supervised child: its life, and that it never outlives us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from standalone.errors import StandaloneError
from standalone.process import LOG_MAX_BYTES, Launch, Process, descendants, run_once
from standalone.services import PROJECT
from tests.support.servers import wait_until_sync

MakeProcess = Callable[..., Process]


@pytest.fixture
def make_process(tmp_path: Path) -> Iterator[MakeProcess]:
    """Shell scripts as processes that are ready when they have made the file `ready`."""
    made: list[Process] = []

    def make(script: str) -> Process:
        ready = tmp_path / "ready"
        launch = Launch(
            argv=["/bin/sh", "-c", script],
            env={"PATH": os.defpath},
            log=tmp_path / "child.log",
            cwd=tmp_path,
        )
        process = Process("child", launch, ready.exists)
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()


def gone(pid: int) -> bool:
    """Whether a process no longer runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_it_starts_tells_and_stops(make_process: MakeProcess, tmp_path: Path) -> None:
    process = make_process(
        "trap 'echo bye; exit 0' TERM; touch ready; while :; do sleep 0.01; done"
    )
    process.start()
    process.wait_ready()
    assert process.alive
    assert process.ready
    process.stop()
    assert process.exit_code == 0
    assert (tmp_path / "child.log").read_text() == "bye\n"


def test_what_ignores_the_request_is_killed(make_process: MakeProcess) -> None:
    process = make_process("trap '' TERM; touch ready; while :; do sleep 0.01; done")
    process.start()
    process.wait_ready()
    process.stop(timeout_s=0.2)
    assert process.exit_code == -signal.SIGKILL
    assert process.how_it_ended() == "was killed by SIGKILL"


def test_a_kill_takes_its_children_along(make_process: MakeProcess) -> None:
    process = make_process("setsid sleep 60 & touch ready; wait")
    process.start()
    process.wait_ready()
    wait_until_sync(lambda: descendants(process.pid))
    below = descendants(process.pid)
    process.kill()
    wait_until_sync(lambda: all(gone(pid) for pid in below))
    assert not process.alive


def test_an_early_end_is_told_with_its_last_words(make_process: MakeProcess) -> None:
    process = make_process("echo first; echo no such thing >&2; exit 3")
    process.start()
    with pytest.raises(
        StandaloneError, match=r"^child ended with exit code 3: no such thing; see .*child\.log$"
    ):
        process.wait_ready()


def test_waiting_has_an_end(make_process: MakeProcess) -> None:
    process = make_process("sleep 60")
    process.start()
    with pytest.raises(StandaloneError, match="child is not ready after 0 s"):
        process.wait_ready(timeout_s=0.1)


def test_a_paused_one_stands_still_and_can_still_be_stopped(make_process: MakeProcess) -> None:
    process = make_process("trap 'exit 7' TERM; touch ready; while :; do sleep 0.01; done")
    process.start()
    process.wait_ready()
    process.pause()
    wait_until_sync(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    process.stop()
    assert process.exit_code == 7


def test_a_program_that_is_not_there_is_told(make_process: MakeProcess, tmp_path: Path) -> None:
    process = make_process("")
    process.launch = Launch(argv=["/nonexistent/it"], env={}, log=tmp_path / "child.log")
    process.start()
    with pytest.raises(StandaloneError, match=r"/nonexistent/it: not started: .*No such file"):
        process.wait_ready()


def test_a_long_log_is_put_aside_at_the_next_start(
    make_process: MakeProcess, tmp_path: Path
) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"x" * (LOG_MAX_BYTES + 1))
    process = make_process("echo new")
    process.start()
    process.wait(5)
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").stat().st_size == LOG_MAX_BYTES + 1


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    launch = Launch(argv=["/bin/sleep", "60"], env={}, log=tmp_path / "log")
    assert run_once(launch, timeout_s=0.2) == 124


PARENT = """
    import json, sys, threading
    from pathlib import Path
    from standalone.ports import free_port
    from standalone.process import descendants
    from standalone.servers.caddy import Caddy
    from standalone.servers.postgres import Postgres
    from standalone.servers.redis import Redis

    folder = Path(sys.argv[1])
    common = {"password": "x", "durable": False}
    postgres = Postgres(folder / "p", port=free_port(), log=folder / "p.log", **common)
    postgres.initialise()
    redis = Redis(folder / "r", port=free_port(), log=folder / "r.log", **common)
    nowhere = ["127.0.0.1:1"]
    caddy = Caddy(folder / "c", port=free_port(), auth=nowhere, api=nowhere, gateway=nowhere,
                  files=folder, log=folder / "c.log")
    # A start from a thread that ends must not end the child.
    for server in (postgres, redis, caddy):
        starter = threading.Thread(target=server.start)
        starter.start()
        starter.join()
    pids = [server.process.pid for server in (postgres, redis, caddy)]
    print(json.dumps(pids + descendants(postgres.process.pid)), flush=True)
    threading.Event().wait()
"""


def test_nothing_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert len(pids) > 5  # PostgreSQL has several processes
        assert not any(gone(pid) for pid in pids)
        parent.kill()
        wait_until_sync(lambda: all(gone(pid) for pid in pids), timeout_s=10)
