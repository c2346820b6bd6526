"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.dispatcher.support import World, world_of


@pytest.fixture
async def world(redis_url: str, key_prefix: str) -> AsyncIterator[World]:
    """Real Redis, a small api, no dispatcher yet."""
    async with world_of(redis_url, key_prefix) as world:
        yield world
