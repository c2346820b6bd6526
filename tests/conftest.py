"""What every test gets: the real servers, and a look for tasks that a test left running."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from tests.support.servers import (
    key_prefix,
    own_redis,
    postgres_server,
    postgres_url,
    redis_server,
    redis_url,
    stack,
    wait_until,
)

__all__ = [
    "key_prefix",
    "own_redis",
    "postgres_server",
    "postgres_url",
    "redis_server",
    "redis_url",
    "stack",
]


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: children would ignore Ctrl-C too, and tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_leftover_tasks(request: pytest.FixtureRequest) -> None:
    """Ask for the check in asynchronous tests only; the others need no event loop."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("leftover_tasks")


@pytest.fixture
async def leftover_tasks() -> AsyncIterator[None]:
    """Fail a test whose background tasks outlive it: they would disturb the ones after it."""
    before = asyncio.all_tasks()
    yield
    own = asyncio.current_task()

    def none_is_left() -> bool:
        left = [task for task in asyncio.all_tasks() - before if task is not own]
        assert not left, f"these tasks outlive the test: {left}"
        return True

    await wait_until(none_is_left, timeout_s=2.0)
