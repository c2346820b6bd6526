"""Redis of our own: where it comes from, what survives, who gets in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from standalone.errors import StandaloneError
from standalone.ports import free_port
from standalone.servers.redis import Redis, find

MakeServer = Callable[..., Redis]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    made: list[Redis] = []

    def make(**options: object) -> Redis:
        server = Redis(
            tmp_path / "data",
            port=free_port(),
            password="secret",
            log=tmp_path / "redis.log",
            **options,  # type: ignore[arg-type]
        )
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.mark.parametrize("source", ["wheel", "fallback"])
def test_it_runs_from_every_place_it_can_come_from(make_server: MakeServer, source: str) -> None:
    server = make_server(sources=(source,))
    server.start()
    assert server.binary.source == source
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "42")
        client.xadd("stream", {"n": 1})
        wanted = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        for name, value in wanted.items():
            assert client.config_get(name) == {name: value}
    server.process.kill()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"42"
        assert client.xlen("stream") == 1


def test_one_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = find(("valkey", (8, 0)), sources=("wheel",)).path
    (tmp_path / "valkey-server").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find().source == "path"
    assert find().path == program


def test_nobody_gets_in_without_the_password(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    with (
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert b"secret" not in arguments


def test_an_older_program_does_not_touch_newer_data(make_server: MakeServer) -> None:
    server = make_server(sources=("wheel",))
    server.start()
    server.stop()
    with pytest.raises(StandaloneError, match="no valkey >= "):
        make_server(sources=("fallback",))
