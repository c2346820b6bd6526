"""A Redis primary with a replica, and three Sentinels that watch them."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis

from standalone.ports import free_port
from standalone.servers.redis import find
from tests.support.servers import wait_until_sync

NAME: Final = "agileim"
DOWN_AFTER_MS: Final = 1000
SENTINELS: Final = 3
HOST: Final = "127.0.0.1"


@dataclass
class Sentinels:
    """What runs, by port."""

    password: str
    servers: list[int]
    watchers: list[int]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """As the services take it."""
        places = ",".join(f"{HOST}:{port}" for port in self.watchers)
        return f"redis+sentinel://:{self.password}@{places}/{NAME}/0"

    def primary(self) -> int:
        """The port of the primary, as most of the Sentinels see it."""
        seen: list[int] = []
        for port in self.watchers:
            with redis.Redis(port=port, socket_timeout=2) as client:
                seen.append(int(client.sentinel_get_master_addr_by_name(NAME)[1]))
        return max(set(seen), key=seen.count)

    def server(self, port: int) -> redis.Redis:
        """A client of one server."""
        return redis.Redis(port=port, password=self.password, socket_timeout=2)

    def kill(self, port: int) -> None:
        """End a server at once."""
        self.processes[port].kill()
        self.processes[port].wait()


@contextmanager
def sentinels(folder: Path) -> Iterator[Sentinels]:
    """All of it, once the Sentinels know each other and the replica follows."""
    ports = [free_port() for _ in range(2 + SENTINELS)]
    group = Sentinels(secrets.token_hex(8), ports[:2], ports[2:])
    try:
        for port in group.servers:
            following = f"replicaof {HOST} {ports[0]}\n" if port != ports[0] else ""
            _start(group, folder, port, _server(group.password) + following)
        for port in group.watchers:
            _start(group, folder, port, _watcher(group.password, ports[0]), "--sentinel")
        wait_until_sync(lambda: _settled(group), timeout_s=30)
        yield group
    finally:
        for process in group.processes.values():
            process.kill()
        for process in group.processes.values():
            process.wait()


def _server(password: str) -> str:
    return (
        f'requirepass {password}\nmasterauth {password}\nappendonly no\nsave ""\n'
        "repl-diskless-sync-delay 0\nmaxmemory-policy noeviction\n"
    )


def _watcher(password: str, primary: int) -> str:
    return (
        f"sentinel monitor {NAME} {HOST} {primary} 2\n"
        f"sentinel auth-pass {NAME} {password}\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {NAME} 5000\n"
    )


def _start(group: Sentinels, folder: Path, port: int, lines: str, *options: str) -> None:
    place = folder / str(port)
    place.mkdir()
    config = place / "redis.conf"
    config.write_text(f"port {port}\nbind {HOST}\ndir {place}\nprotected-mode no\n{lines}")
    log = (place / "log").open("wb")
    group.processes[port] = subprocess.Popen(
        [find().path, config, *options], stdout=log, stderr=subprocess.STDOUT
    )
    log.close()


def _settled(group: Sentinels) -> bool:
    try:
        with group.server(group.servers[0]) as client:
            if client.info("replication").get("connected_slaves") != 1:
                return False
        for port in group.watchers:
            with redis.Redis(port=port, socket_timeout=2) as watcher:
                state = watcher.sentinel_master(NAME)
            if state["num-other-sentinels"] != SENTINELS - 1 or state["num-slaves"] != 1:
                return False
    except redis.RedisError:
        return False
    return True
