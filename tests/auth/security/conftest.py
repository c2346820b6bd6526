"""Fixtures of the statements."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.world import World


@pytest.fixture
async def world(redis_url: str, key_prefix: str) -> AsyncIterator[World]:
    """Parts for a gateway; the check starts it."""
    made = World(redis_url, key_prefix)
    yield made
    await made.close()
