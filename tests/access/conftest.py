"""The walk over the table needs what the tests of api have, and a database for every row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from services.api.store.migrate import migrate
from standalone.servers.postgres import Postgres
from tests.api.conftest import api, issuer, settings

__all__ = ["api", "issuer", "settings"]

TEMPLATE = "access_template"


@pytest.fixture(scope="session")
def template(postgres_server: Postgres) -> str:
    """A database with all tables, to be copied: migrating one takes longer than a row."""
    url = postgres_server.create_database(TEMPLATE)
    asyncio.run(migrate(url))
    return TEMPLATE


@pytest.fixture
def postgres_url(postgres_server: Postgres, template: str, key_prefix: str) -> Iterator[str]:
    """A fresh database with all tables."""
    name = f"access_{key_prefix}"
    yield postgres_server.create_database(name, template)
    postgres_server.drop_database(name)
