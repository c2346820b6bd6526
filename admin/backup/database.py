"""What is asked of PostgreSQL for a backup: facts in a snapshot, a dump of it, a restore."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import psycopg2
from psycopg2 import sql

from admin.backup.manifest import Facts, Sample
from admin.backup.programs import Programs
from admin.errors import AdminError, Misused, Unreachable

CONNECT_TIMEOUT_S: Final = 5
SAMPLES: Final = 50
MIGRATIONS: Final = "agileim_migrations"
_FETCH: Final = 5_000
Cursor = Any  # psycopg2's, whose stubs make every row Any


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection in autocommit. Raises Unreachable, AdminError."""
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg2.Error as error:
        raise Unreachable(f"PostgreSQL: {_first_line(error)}") from error
    try:
        with closing(connection):
            connection.autocommit = True
            yield connection
    except psycopg2.Error as error:
        raise AdminError(f"PostgreSQL: {_first_line(error)}") from error


@contextmanager
def snapshot(connection: Any) -> Iterator[tuple[Cursor, str]]:
    """One consistent moment: a cursor that sees it, and its name for pg_dump."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            cursor.execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            )
            cursor.execute("SELECT pg_export_snapshot()")
            yield cursor, cursor.fetchone()[0]
        finally:
            if not connection.closed:
                cursor.execute("ROLLBACK")


def server_version(cursor: Cursor) -> tuple[int, str, str]:
    """(major, version, system identifier) of the server."""
    cursor.execute(
        "SELECT current_setting('server_version_num')::int / 10000,"
        " current_setting('server_version'), system_identifier::text FROM pg_control_system()"
    )
    major, version, identifier = cursor.fetchone()
    return major, version, identifier


def tables(cursor: Cursor) -> list[str]:
    """Of our schema."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
    )
    return [row[0] for row in cursor.fetchall()]


def facts(cursor: Cursor, samples: list[Sample] | None = None) -> Facts:
    """What the database says about itself. ``samples``: which events to look at again; without,
    some are chosen. Reads every table once."""
    names = tables(cursor)
    if "conversations" not in names:
        raise Misused("there is no AgileIM in this database")
    rows = {}
    for name in names:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))
        rows[name] = cursor.fetchone()[0]
    cursor.execute(f"SELECT migration_id FROM {MIGRATIONS} ORDER BY 1")  # noqa: S608 - constant
    migrations = [row[0] for row in cursor.fetchall()]
    if samples is None:
        # Any order will do that is not that of age.
        cursor.execute(
            "SELECT id::text, head_seq FROM conversations WHERE head_seq > 0"
            " ORDER BY md5(id::text) LIMIT %s",
            (SAMPLES,),
        )
        places = cursor.fetchall()
    else:
        places = [(sample.conversation, sample.seq) for sample in samples]
    return Facts(migrations, rows, _heads(cursor), [_sample(cursor, *place) for place in places])


def _heads(cursor: Cursor) -> str:
    digest, last = hashlib.sha256(), "00000000-0000-0000-0000-000000000000"
    while True:
        cursor.execute(
            "SELECT id::text, head_seq, number FROM conversations WHERE id > %s"
            " ORDER BY id LIMIT %s",
            (last, _FETCH),
        )
        page = cursor.fetchall()
        for row in page:
            digest.update("{}:{}:{}\n".format(*row).encode())
        if len(page) < _FETCH:
            return digest.hexdigest()
        last = page[-1][0]


def _sample(cursor: Cursor, conversation: str, seq: int) -> Sample:
    cursor.execute(
        "SELECT kind, sender_id::text, extract(epoch FROM created_at)::text, body FROM events"
        " WHERE conversation_id = %s AND seq = %s",
        (conversation, seq),
    )
    row = cursor.fetchone()
    text = "\0".join(row) if row else ""
    return Sample(conversation, seq, hashlib.sha256(text.encode()).hexdigest())


def broken_logs(cursor: Cursor) -> int:
    """Conversations whose events are not 1, 2, 3 … up to their head."""
    cursor.execute(
        "SELECT count(*) FROM conversations c LEFT JOIN ("
        "SELECT conversation_id, count(*) AS events, min(seq) AS first, max(seq) AS last"
        " FROM events GROUP BY 1) e ON e.conversation_id = c.id"
        " WHERE c.head_seq <> coalesce(e.last, 0) OR coalesce(e.events, 0) <> c.head_seq"
        " OR coalesce(e.first, 1) <> 1"
    )
    return int(cursor.fetchone()[0])


def dump(programs: Programs, url: str, name: str, target: IO[bytes]) -> None:
    """Write the dump of a snapshot. Raises AdminError."""
    _run(
        [programs.folder / "pg_dump", "--format=custom", f"--snapshot={name}", "--no-owner",
         "--no-privileges", "--lock-wait-timeout=30s", "--dbname"],
        url, stdout=target,
    )  # fmt: skip


def restore(programs: Programs, url: str, source: Path) -> None:
    """Fill an empty database from a dump, whole or not at all. Raises AdminError."""
    _run(
        [programs.folder / "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
         "--no-privileges", source, "--dbname"],
        url,
    )  # fmt: skip


def settle(url: str) -> None:
    """After a restore: the dump holds transaction ids of the old cluster. With them left, every
    sync would list every conversation, or none."""
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
            " AND a.atttypid = 'xid8'::regtype AND NOT a.attisdropped ORDER BY 1, 2"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                sql.SQL("UPDATE {} SET {} = pg_current_xact_id() WHERE {} IS NOT NULL").format(
                    sql.Identifier(table), sql.Identifier(column), sql.Identifier(column)
                )
            )
        cursor.execute("VACUUM ANALYZE")


def _run(command: list[Any], url: str, stdout: IO[bytes] | None = None) -> None:
    """The password goes by the environment, where `ps` does not show it."""
    parts = psycopg2.extensions.parse_dsn(url)
    password = parts.pop("password", None)
    dsn = psycopg2.extensions.make_dsn(**parts)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    done = subprocess.run(
        [*map(str, command), dsn],
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        name = Path(str(command[0])).name
        raise AdminError(f"{name} failed: {said[0] if said else done.returncode}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
