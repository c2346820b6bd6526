"""The pool: faults have types, broken connections are replaced, COMMIT is seen through."""

from __future__ import annotations

import asyncio

import psycopg2
import pytest
import uvloop

from services.api.store import database as database_module
from services.api.store.database import Database, Prepared
from services.api.store.errors import (
    AlreadyThere,
    DatabaseTimeout,
    DatabaseUnavailable,
    StoreError,
    WriteConflict,
)
from standalone.ports import free_port
from tests.support.servers import wait_until


async def numbers(database: Database) -> list[int]:
    await database.execute("CREATE TABLE IF NOT EXISTS numbers (n integer PRIMARY KEY)")
    return [row[0] for row in await database.fetch_all("SELECT n FROM numbers ORDER BY n")]


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    await numbers(database)
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO numbers VALUES (1), (2)")

    async def fault_of_the_caller() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO numbers VALUES (3)")
            raise RuntimeError("no")

    async def fault_of_the_data() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO numbers VALUES (4)")
            await transaction.execute("INSERT INTO numbers VALUES (1)")

    with pytest.raises(RuntimeError, match="no"):
        await fault_of_the_caller()
    with pytest.raises(AlreadyThere) as caught:
        await fault_of_the_data()
    assert caught.value.constraint == "numbers_pkey"
    assert await numbers(database) == [1, 2]
    assert database.in_use == 0


async def test_several_statements_in_one_message_are_one_transaction(database: Database) -> None:
    await numbers(database)
    with pytest.raises(AlreadyThere):
        await database.fetch_all(
            "INSERT INTO numbers VALUES (%s); INSERT INTO numbers VALUES (%s)", (1, 1)
        )
    assert await numbers(database) == []


async def test_a_cancelled_caller_waits_for_its_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await numbers(database)
    execute = database_module._execute
    committing = asyncio.Event()

    async def slow_commit(cursor: object, sql: str, params: object) -> None:
        if sql == "COMMIT":
            committing.set()
            sql = "SELECT pg_sleep(0.2); COMMIT"
        await execute(cursor, sql, params)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(database_module, "_execute", slow_commit)

    async def write() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO numbers VALUES (1)")

    task = asyncio.create_task(write())
    await committing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers(database) == [1]
    assert database.in_use == 0


async def test_a_caller_cancelled_before_its_commit_leaves_nothing(database: Database) -> None:
    await numbers(database)
    inside = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO numbers VALUES (1)")
            inside.set()
            await transaction.execute("SELECT pg_sleep(3)")

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers(database) == []
    assert database.in_use == 0


async def test_a_slow_statement_is_a_timeout_and_cancels_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DatabaseTimeout):
        await database.fetch_all("SET statement_timeout = 50; SELECT pg_sleep(3)")
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_lock_that_does_not_come_is_a_timeout_and_the_connection_stays(
    database: Database,
) -> None:
    await numbers(database)
    await database.execute("INSERT INTO numbers VALUES (1)")
    async with database.transaction() as holder:
        await holder.execute("UPDATE numbers SET n = 2")
        with pytest.raises(DatabaseTimeout):
            await database.execute("SET lock_timeout = 50; UPDATE numbers SET n = 3")
    assert await numbers(database) == [2]


async def test_a_deadlock_is_a_conflict(database: Database) -> None:
    await numbers(database)
    await database.execute("INSERT INTO numbers VALUES (1), (2)")
    ready = asyncio.Barrier(2)

    async def cross(first: int, second: int) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("SET LOCAL deadlock_timeout = '50ms'")
            await transaction.execute("UPDATE numbers SET n = n WHERE n = %s", (first,))
            await ready.wait()
            await transaction.execute("UPDATE numbers SET n = n WHERE n = %s", (second,))

    outcomes = await asyncio.gather(cross(1, 2), cross(2, 1), return_exceptions=True)
    assert [type(one) for one in outcomes if one is not None] == [WriteConflict]


async def test_connections_that_the_server_closed_are_replaced(
    database: Database, postgres_url: str
) -> None:
    for _ in range(3):
        await asyncio.to_thread(terminate_backends, postgres_url)

        async def answers() -> bool:
            try:
                return await database.fetch_one("SELECT 1") == (1,)
            except DatabaseUnavailable:
                return False

        await wait_until(answers)
        many = [database.fetch_one("SELECT pg_sleep(0.01)") for _ in range(20)]
        assert len(await asyncio.gather(*many)) == 20
        assert database.in_use == 0


def terminate_backends(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


async def test_a_transaction_whose_connection_breaks_is_unavailable(
    database: Database, postgres_url: str
) -> None:
    await numbers(database)

    async def broken() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO numbers VALUES (1)")
            await asyncio.to_thread(terminate_backends, postgres_url)
            await transaction.execute("INSERT INTO numbers VALUES (2)")

    with pytest.raises(DatabaseUnavailable):
        await broken()

    async def rolled_back() -> bool:
        try:
            return await numbers(database) == []
        except DatabaseUnavailable:
            return False

    await wait_until(rolled_back)


async def test_more_callers_than_connections_take_turns(database: Database) -> None:
    rows = await asyncio.gather(*(database.fetch_one("SELECT %s", (n,)) for n in range(100)))
    assert [row[0] for row in rows if row] == list(range(100))


async def test_prepared_statements_are_planned_once_for_each_connection(
    database: Database,
) -> None:
    double = Prepared("double", "PREPARE double(integer) AS SELECT 2 * $1")
    for n in range(20):
        rows = await database.fetch_all("EXECUTE double(%s)", (n,), prepared=[double])
        assert rows == [(2 * n,)]


def test_a_refused_connection_is_unavailable_time_and_again_on_uvloop() -> None:
    """uvloop keeps the number of a socket that libpq closed, unless it is told."""
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    async def refused() -> None:
        for _ in range(5):
            with pytest.raises(DatabaseUnavailable):
                await Database(url).open()

    uvloop.run(refused())


async def test_a_mistake_in_sql_is_nobodys_store_error(database: Database) -> None:
    with pytest.raises(psycopg2.ProgrammingError) as caught:
        await database.execute("SELECT no_such_column")
    assert not isinstance(caught.value, StoreError)
    assert database.in_use == 0
