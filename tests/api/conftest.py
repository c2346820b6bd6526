"""What the tests of api share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api.settings import ApiSettings
from services.api.store.database import Database
from services.api.store.migrate import migrate
from tests.api.rig import RunningApi, api_settings, running_api
from tests.support.tokens import TestIssuer


@pytest.fixture
async def issuer() -> AsyncIterator[TestIssuer]:
    """Who signs tokens."""
    async with TestIssuer() as issuer:
        yield issuer


@pytest.fixture
def settings(
    postgres_url: str, redis_url: str, key_prefix: str, issuer: TestIssuer, tmp_path: Path
) -> ApiSettings:
    """Settings of an api of this test's own."""
    files = tmp_path / "files"
    return api_settings(postgres_url, redis_url, key_prefix, issuer.url, files_dir=files)


@pytest.fixture
async def api(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[RunningApi]:
    """A running replica on an empty database."""
    async with running_api(settings, issuer) as api:
        yield api


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A pool on a migrated, empty database."""
    await migrate(postgres_url)
    async with Database(postgres_url, size=4) as database:
        yield database
