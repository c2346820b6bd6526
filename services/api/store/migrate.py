"""Brings the database to the version of this code: the SQL files in ``migrations/``, in order.

Forward only, and each file may be applied while the old version of the code still runs (expand
now, contract in a later release). So a program may start on a database that is newer than itself:
a replica that restarts amid an update, or a version that was rolled back to. Only a file that takes
something away, whose name says ``contract``, shuts out the versions that do not know it.

A file must be repeatable: when the process dies between applying and noting it, the next start
applies it again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg2
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlBackend

from shared.logs import get_logger

FOLDER: Final = Path(__file__).parents[1] / "migrations"
TABLE: Final = "agileim_migrations"
CONTRACT: Final = "contract"  # in the name of a file that takes something away
LOCK_ID: Final = 0x6167_696C_6569_6D  # "agileim": one replica migrates, the others wait
CONNECT_TIMEOUT_S: Final = 3
DDL_LOCK_TIMEOUT_MS: Final = 5_000  # a change that cannot get its lock must not block all others


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why, in one line.

    ``transient``: PostgreSQL was not there or busy; trying again may help.
    """

    def __init__(self, why: str, *, transient: bool = False) -> None:
        super().__init__(why)
        self.transient = transient


@dataclass(frozen=True)
class _Address:
    """What yoyo calls a URI; ours is libpq's, which knows sockets, options and several hosts."""

    dsn: str
    database: str = ""


class _Backend(PostgresqlBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo on a connection that libpq opened."""

    def connect(self, dburi: _Address) -> Any:
        connection = psycopg2.connect(dburi.dsn, connect_timeout=CONNECT_TIMEOUT_S)
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Building an index takes as long as it takes.
            cursor.execute(f"SET statement_timeout = 0; SET lock_timeout = {DDL_LOCK_TIMEOUT_MS}")
        return connection


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, off the event loop; returns the names of the applied files.

    Several replicas may do this at once. Raises :class:`MigrationError`.
    """
    return await asyncio.to_thread(apply, url, folder)


def apply(url: str, folder: Path = FOLDER) -> list[str]:
    """As :func:`migrate`, blocking."""
    try:
        with _locked(url):
            return _apply(url, folder)
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        transient = isinstance(error, psycopg2.OperationalError)
        raise MigrationError(f"PostgreSQL: {reason[0]}", transient=transient) from error


def _apply(url: str, folder: Path) -> list[str]:
    migrations = read_migrations(str(folder))
    known = {migration.id for migration in migrations}
    with _Backend(_Address(url), TABLE) as backend:
        backend.init_database()
        backend.ensure_internal_schema_updated()
        rows = backend.execute(f"SELECT migration_id FROM {TABLE}").fetchall()  # noqa: S608
        unknown = sorted({row[0] for row in rows} - known)
        taken = [name for name in unknown if CONTRACT in name]
        if taken:
            raise MigrationError(
                f"the database is newer than this program: it has {', '.join(taken)}; "
                "start the newer version"
            )
        if unknown:
            get_logger().warning("database_is_newer", migrations=unknown)
        missing = backend.to_apply(migrations)
        names = [migration.id for migration in missing]
        backend.apply_migrations(missing)
        return names


@contextmanager
def _locked(url: str) -> Iterator[None]:
    """Hold an advisory lock on a connection of its own; it goes when the process dies.

    Tried again and again, not waited for: a waiting statement holds a snapshot, and CREATE INDEX
    CONCURRENTLY waits for every older snapshot to go.
    """
    connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_S)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_ID,))
                if cursor.fetchone() == (True,):
                    break
                time.sleep(0.1)
            yield
    finally:
        connection.close()
