"""Fixtures of the tests of auth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api.store.database import Database
from services.api.store.migrate import migrate
from tests.auth.rig import PASSWORD, Front, Rig, running, running_alone
from tests.support.signin import Tokens, register


@pytest.fixture
async def rig(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[Rig]:
    """auth and api's account records, running."""
    async with running(tmp_path, postgres_url, redis_url, key_prefix) as ready:
        yield ready


@pytest.fixture
async def front(tmp_path: Path, redis_url: str, key_prefix: str) -> AsyncIterator[Front]:
    """auth alone, for what needs no account."""
    async with running_alone(tmp_path, redis_url, key_prefix) as ready:
        yield ready


@pytest.fixture
async def ada(rig: Rig) -> Tokens:
    """Someone who has registered and signed in."""
    return await register(rig.url, "ada", PASSWORD, "Ada Lovelace")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A migrated database."""
    await migrate(postgres_url)
    async with Database(postgres_url, size=4) as ready:
        yield ready
