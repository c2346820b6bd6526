"""One supervised child process: started, waited for, stopped, killed, paused, read back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from standalone.errors import StandaloneError

SHIM = Path(__file__).with_name("shim.py")
LOG_MAX_BYTES = 10 * 1024 * 1024  # a day of a busy service; one older file is kept beside it
POLL_S = 0.02  # waiting for a state; short beside the 0.1 s that the fastest server needs

# The parent-death signal fires when the *thread* that forked ends, so that one thread, which
# lives as long as the interpreter, does every fork of this process.
_forks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forks")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a child is started.

    `identity` is `same`, `namespace` or `UID:GID` (see shim.py); `kept_fds` stay open in the child;
    `death_signal` is what the child gets when this process dies, however that happens.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    identity: str = "same"
    kept_fds: tuple[int, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    cwd: Path = field(default_factory=lambda: Path("/"))


class Process:
    """A child process by name, e.g. `gateway-1`. Safe to use from several threads.

    `ready` answers whether the child does its work yet; it must not raise, and must answer within
    about a second.
    """

    def __init__(self, name: str, launch: Launch, ready: Callable[[], bool]) -> None:
        self.name = name
        self.launch = launch
        self.started_at = 0.0  # time.monotonic()
        self.wanted = False  # it should be running; its end is a fault
        self._ready = ready
        self._starting = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the latest start; raises StandaloneError before the first."""
        if self._child is None:
            raise StandaloneError(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before the first start; minus the signal's number if killed."""
        return None if self._child is None else self._child.poll()

    @property
    def alive(self) -> bool:
        """Whether the process exists; a paused one does."""
        return self._child is not None and self._child.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it runs and answers that it is ready."""
        return self.alive and self._ready()

    def start(self) -> None:
        """Start it without waiting; a child that still runs is left alone."""
        with self._starting:
            self.wanted = True
            if self.alive:
                return
            _rotate(self.launch.log)
            self._child = _forks.submit(spawn, self.launch).result()
            self.started_at = time.monotonic()

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until it is ready; raises StandaloneError when it ended or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not self.ready:
            if not self.alive:
                raise StandaloneError(f"{self.name} {self.how_it_ended()}; see {self.launch.log}")
            if time.monotonic() > deadline:
                raise StandaloneError(
                    f"{self.name} is not ready after {timeout_s:.0f} s"
                    f"{self._last_words()}; see {self.launch.log}"
                )
            time.sleep(POLL_S)

    def stop(self, timeout_s: float = 15.0) -> None:
        """Ask it to end and wait; whatever is left of it after `timeout_s` is killed."""
        self.request_stop()
        if self.alive:
            with suppress(subprocess.TimeoutExpired):
                self.wait(timeout_s)
        self.kill()

    def request_stop(self) -> None:
        """Ask it to end without waiting; `stop` waits."""
        if self.alive and self.wanted:
            self.send(self.launch.stop_signal)
            self.resume()  # a paused process would never see the request
        self.wanted = False

    def kill(self) -> None:
        """End it at once, together with its own children (SIGKILL), and reap it.

        The supervisor sees this as a crash if the process is `wanted`.
        """
        self._signal_all(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def pause(self) -> None:
        """Freeze it with its children (SIGSTOP), as a stalled machine would."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self._signal_all(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; none is sent to one that has ended."""
        if self._child is not None:
            self._child.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; returns the exit code, raises subprocess.TimeoutExpired."""
        if self._child is None:
            raise StandaloneError(f"{self.name} was never started")
        return self._child.wait(timeout_s)

    def how_it_ended(self) -> str:
        """E.g. `ended with exit code 1: cannot bind`; the last line of its log is the reason.

        What was killed had no time to write one.
        """
        code = self.exit_code
        if code is None:
            return "is running" if self.alive else "was never started"
        if code < 0:
            return f"was killed by {_signal_name(-code)}"
        return f"ended with exit code {code}{self._last_words()}"

    def _signal_all(self, number: signal.Signals) -> None:
        if not self.alive:
            return
        # PostgreSQL's backends are sessions of their own: signalling the group would miss them.
        for pid in (self.pid, *descendants(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _last_words(self) -> str:
        line = last_line(self.launch.log)
        return f": {line}" if line else ""


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Fork and exec through the shim; output is appended to the log."""
    # -I -S: no site packages and no variables of Python's can slow or change the shim.
    shim = [sys.executable, "-I", "-S", str(SHIM), str(os.getpid()), str(int(launch.death_signal))]
    with launch.log.open("ab") as log:
        return subprocess.Popen(
            [*shim, launch.identity, *launch.argv],
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=launch.kept_fds,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
        )


def run_once(launch: Launch, timeout_s: float = 120.0) -> int:
    """Run a command to its end; returns the exit code. A command that hangs is killed: 124."""
    child = _forks.submit(spawn, launch).result()
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return 124  # as timeout(1)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def descendants(pid: int) -> list[int]:
    """The living children of a process, their children and so on (from /proc, Linux only)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # proc(5): `pid (name) state ppid …`; the name may hold spaces and brackets.
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def last_line(log: Path) -> str:
    """The last line with text in a log, cut to 300 characters; empty if there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_MAX_BYTES:
            log.replace(log.with_suffix(log.suffix + ".1"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
