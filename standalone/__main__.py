"""`python -m standalone`: everything on this machine, until Ctrl-C.

Settings: AGILEIM_DATA (folder, default `.data`), AGILEIM_PORT (8080), AGILEIM_APIS,
AGILEIM_DISPATCHERS, AGILEIM_GATEWAYS (processes of each, 1), AGILEIM_LOGS (1: logs in the terminal
too), AGILEIM_DATABASE_URL and AGILEIM_REDIS_URL (servers to use instead of own ones, also as
…_FILE). Other AGILEIM_ settings are passed on to the services.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from standalone.errors import StandaloneError
from standalone.servers.binary import SOURCES
from standalone.servers.postgres_programs import IDENTITIES
from standalone.shim import PR_SET_PDEATHSIG
from standalone.stack import Options, Stack
from standalone.terminal import LogFollower, client_command

PROCESSES_MAX: Final = 16  # of one kind; more do not make one machine faster
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked us to end."""


def options(environ: Mapping[str, str]) -> Options:
    """Read the settings; raises StandaloneError for the first one that is wrong."""
    counts = {
        kind: _number(environ, name, 1, 1, PROCESSES_MAX)
        for kind, name in (
            ("api", "AGILEIM_APIS"),
            ("dispatcher", "AGILEIM_DISPATCHERS"),
            ("gateway", "AGILEIM_GATEWAYS"),
        )
    }
    logs = environ.get("AGILEIM_LOGS", "") not in ("", "0")
    readable = {"AGILEIM_LOG_FORMAT": environ.get("AGILEIM_LOG_FORMAT", "console")} if logs else {}
    return Options(
        data=Path(environ.get("AGILEIM_DATA") or ".data"),
        port=_number(environ, "AGILEIM_PORT", 8080, 0, 65535),
        counts=counts,
        issuer=environ.get("AGILEIM_ISSUER", ""),
        database_url=_text(environ, "AGILEIM_DATABASE_URL"),
        redis_url=_text(environ, "AGILEIM_REDIS_URL"),
        env=readable,
        # For trying out how other machines behave; see tests/standalone.
        sources=_choice(environ, "AGILEIM_SERVER_SOURCES", SOURCES),
        identities=_choice(environ, "AGILEIM_ROOT_RUNS_AS", IDENTITIES),
    )


def run(chosen: Options, logs: bool) -> None:
    """Start, say where, and wait for the end."""
    stack = Stack(chosen, say)
    follower: LogFollower | None = None
    try:
        if logs:
            follower = LogFollower(chosen.data / "logs")
            follower.start()
        stack.start()
        print(f"ready {stack.url}", flush=True)
        command = client_command()
        say(f"next: {command} register, {command} login, or make demo; Ctrl-C stops")
        threading.Event().wait()
    except Interrupted:
        say("stopping")
    finally:
        stack.stop()
        if follower:
            follower.stop()
    say("stopped")


def say(line: str) -> None:
    """One line of progress."""
    print(f"· {line}", flush=True)


def main() -> None:
    """The command. Faults that a person can mend are one line on stderr and exit code 1."""
    if "--end-with-parent" in sys.argv[1:] and sys.platform == "linux":
        # `make` killed outright would otherwise leave us running unseen.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        run(options(os.environ), logs=os.environ.get("AGILEIM_LOGS", "") not in ("", "0"))
    except StandaloneError as fault:
        print(f"error: {fault}", file=sys.stderr)
        raise SystemExit(1) from None
    except Interrupted:
        raise SystemExit(0) from None


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for again in SIGNALS:
        signal.signal(again, _give_up)
    raise Interrupted


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    """Asked twice: end now. The kernel ends the children with us (see shim.py)."""
    os._exit(130)


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise StandaloneError(f"{name} is {text!r}: it must be a number from {least} to {most}")
    return int(text)


def _text(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(f"{name}_FILE")
    if environ.get(name) or not path:
        return environ.get(name, "")
    try:
        return Path(path).read_text().strip()
    except OSError as fault:
        raise StandaloneError(f"{name}_FILE: cannot read {path} ({fault.strerror})") from fault


def _choice(environ: Mapping[str, str], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(item for item in environ.get(name, "").split(",") if item)
    if not set(chosen) <= set(known):
        raise StandaloneError(f"{name} must be some of {', '.join(known)}")
    return chosen or known


if __name__ == "__main__":
    main()
