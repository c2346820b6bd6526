"""Migrations and what is checked at start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from services.api.app import CannotStart
from services.api.settings import ApiSettings
from services.api.store.migrate import FOLDER, MigrationError, apply, migrate
from shared.settings import Secret
from standalone.ports import free_port
from tests.api.rig import running_api
from tests.support.tokens import TestIssuer


def test_each_migration_is_applied_once(postgres_url: str) -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.sql"))
    assert apply(postgres_url) == names
    assert apply(postgres_url) == []


def test_a_migration_may_be_repeated(postgres_url: str) -> None:
    """The process may die between applying a file and noting it."""
    apply(postgres_url)
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for path in sorted(FOLDER.glob("*.sql")):
            cursor.execute(path.read_text(encoding="utf-8"))
    connection.close()


async def test_replicas_that_start_together_migrate_once(postgres_url: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres_url) for _ in range(4)))
    names = sorted(path.stem for path in FOLDER.glob("*.sql"))
    assert sorted(name for those in applied for name in those) == names


def test_a_database_that_has_only_grown_is_none_too_new(postgres_url: str, tmp_path: Path) -> None:
    for path in FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "9998_something_more.sql").write_text("CREATE TABLE more (n integer);")
    apply(postgres_url, tmp_path)
    assert apply(postgres_url) == []


def test_a_database_that_lacks_something_is_refused_in_one_line(
    postgres_url: str, tmp_path: Path
) -> None:
    for path in FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "9999_contract_the_future.sql").write_text("CREATE TABLE future (n integer);")
    apply(postgres_url, tmp_path)
    with pytest.raises(MigrationError, match="newer than this program: it has 9999") as caught:
        apply(postgres_url)
    assert "\n" not in str(caught.value)
    assert not caught.value.transient


async def test_another_number_of_partitions_is_refused(
    settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer):
        pass
    with pytest.raises(CannotStart, match=r"AGILEIM_PARTITIONS is 8, but .* set up with 4"):
        async with running_api(replace(settings, partitions=8), issuer):
            pass


async def test_without_postgres_the_start_ends_with_one_line(
    settings: ApiSettings, issuer: TestIssuer
) -> None:
    nowhere = Secret(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(CannotStart, match=r"api: PostgreSQL: .*refused") as caught:
        async with running_api(
            replace(settings, database_url=nowhere, database_wait_s=0.2), issuer
        ):
            pass
    assert "\n" not in str(caught.value)
