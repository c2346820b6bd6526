"""Real PostgreSQL and Redis for the tests, and the fixtures that hand them out.

One server of each per test run, on free ports, with nothing of the machine changed. They trade
safety against power cuts for speed; in everything else they are the servers of `make up`.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from standalone.ports import free_port
from standalone.servers.postgres import Postgres
from standalone.servers.redis import Redis
from standalone.stack import Options, Stack

_numbers = itertools.count(1)

Predicate = Callable[[], object] | Callable[[], Awaitable[object]]


async def wait_until(predicate: Predicate, timeout_s: float = 5.0, poll_s: float = 0.01) -> None:
    """Return when the predicate (plain or async) is true; fail the test after `timeout_s`.

    An AssertionError inside the predicate counts as "not yet"; the last one tells what was missing.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        missing: AssertionError | None = None
        try:
            outcome = predicate()
            if inspect.isawaitable(outcome):
                outcome = await outcome
            if outcome:
                return
        except AssertionError as fault:
            missing = fault
        if time.monotonic() > deadline:
            source = getattr(predicate, "__qualname__", repr(predicate))
            raise AssertionError(f"not true within {timeout_s} s: {source}") from missing
        await asyncio.sleep(poll_s)


def wait_until_sync(
    predicate: Callable[[], object], timeout_s: float = 5.0, poll_s: float = 0.01
) -> None:
    """As `wait_until`, for tests without an event loop."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout_s} s: {predicate!r}")
        time.sleep(poll_s)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The PostgreSQL server of this test run."""
    folder = tmp_path_factory.mktemp("postgres")
    server = Postgres(
        folder / "data",
        port=free_port(),
        password=secrets.token_hex(16),
        log=folder / "postgres.log",
        durable=False,
    )
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis (or Valkey) server of this test run; tests share it and keep to their own keys."""
    folder = tmp_path_factory.mktemp("redis")
    server = Redis(
        folder / "data",
        port=free_port(),
        password=secrets.token_hex(16),
        log=folder / "redis.log",
        durable=False,
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """A fresh, empty database for this test alone; dropped afterwards."""
    name = f"test_{next(_numbers)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The address of the shared Redis. Use `key_prefix` for every key."""
    return redis_server.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis for this test alone, to wipe, pause, kill and restart."""
    server = Redis(
        tmp_path / "redis",
        port=free_port(),
        password=secrets.token_hex(16),
        log=tmp_path / "redis.log",
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, as `make up` runs it, with two gateways and the service client `harness`.

    Tests share it: they make their own users and leave its processes alone.
    """
    options = Options(
        data=tmp_path_factory.mktemp("stack") / "data",
        port=0,
        counts={"gateway": 2},
        auto_restart=False,
        durable=False,
        harness=True,
    )
    with Stack(options) as running:
        yield running


@pytest.fixture
def key_prefix() -> str:
    """A prefix for Redis keys that no other test uses."""
    return f"t{next(_numbers)}{secrets.token_hex(3)}"
