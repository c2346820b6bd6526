"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.world import World


@pytest.fixture
async def world(redis_url: str, key_prefix: str) -> AsyncIterator[World]:
    """Parts for a gateway on the shared Redis; the test starts it."""
    world = World(redis_url, key_prefix)
    yield world
    await world.close()
