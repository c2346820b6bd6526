"""The way to PostgreSQL: a pool of aiopg connections, single statements, transactions.

Every connection is in autocommit: a single statement is its own transaction, and
:meth:`Database.transaction` is the only place that says BEGIN. Tables are looked up in the
connection's ``search_path``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

import aiopg
import psycopg2
from psycopg2.extensions import parse_dsn

from services.api.store.address import reachable_address
from services.api.store.errors import (
    DatabaseTimeout,
    DatabaseUnavailable,
    breaks_connection,
    translate,
)

Row = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]

CONNECT_TIMEOUT_S: Final = 3.0  # also the longest wait for a free connection
STATEMENT_TIMEOUT_S: Final = 5.0
LOCK_TIMEOUT_S: Final = 2.0
IDLE_IN_TRANSACTION_S: Final = 5.0
ANSWER_MARGIN_S: Final = 1.0  # the server ends a slow statement before the client gives up on it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that each connection plans once: ``PREPARE name (types) AS …``.

    Execute it with ``EXECUTE name (…)``; worth it where planning costs more than executing.
    """

    name: str
    sql: str


def server_options(url: str) -> str:
    """The settings that every session starts with, after those that the URL brings."""
    own = {
        "statement_timeout": f"{STATEMENT_TIMEOUT_S * 1000:.0f}",
        "lock_timeout": f"{LOCK_TIMEOUT_S * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S * 1000:.0f}",
        # A statement whose client has gone is ended, or it would go on holding its locks.
        "client_connection_check_interval": "1000",
        "timezone": "UTC",
        # For prepared statements: their arrays vary in length, their plans should not.
        "plan_cache_mode": "force_generic_plan",
        # Every query here is a few walks down an index. A plan that was kept from when the tables
        # were empty, and reads them whole, would grow slower with every message.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "jit": "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in own.items())
    return f"{parse_dsn(url).get('options', '')} {options}".strip()


class Transaction:
    """An open transaction; see :meth:`Database.transaction`."""

    def __init__(self, connection: aiopg.Connection) -> None:
        self._connection = connection

    async def fetch_all(self, sql: str, params: Params | None = None) -> list[Row]:
        """All rows of the (last) statement."""
        with _store_errors():
            async with self._connection.cursor() as cursor:
                await _execute(cursor, sql, params)
                rows: list[Row] = cursor.raw.fetchall()
                return rows

    async def fetch_one(self, sql: str, params: Params | None = None) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch_all(sql, params)
        return rows[0] if rows else None

    async def execute(self, sql: str, params: Params | None = None) -> int:
        """Run a statement; returns how many rows it touched."""
        with _store_errors():
            async with self._connection.cursor() as cursor:
                await _execute(cursor, sql, params)
                return int(cursor.rowcount)


class Database:
    """A pool of ``size`` connections. Open it, or use it as a context manager.

    All methods raise :class:`~services.api.store.errors.StoreError`. Connections that PostgreSQL
    has closed are replaced when the next one is needed.
    """

    def __init__(self, url: str, *, size: int = 8, name: str = "agileim-api") -> None:
        self._url = url
        self._size = size
        self._name = name
        self._pool: aiopg.Pool | None = None
        # Waiting is done here: aiopg's pool does not wake a waiter when a broken connection
        # comes back.
        self._free = asyncio.Semaphore(size)
        self._busy: set[aiopg.Connection] = set()
        # Every open connection, with the names of what it has prepared.
        self._connections: dict[aiopg.Connection, set[str]] = {}

    async def open(self) -> None:
        """Connect. Raises :class:`DatabaseUnavailable`."""
        address = await reachable_address(self._url)
        place: dict[str, Any] = {"hostaddr": address} if address else {}
        try:
            self._pool = await aiopg.create_pool(
                self._url,
                minsize=self._size,
                maxsize=self._size,
                timeout=CONNECT_TIMEOUT_S,
                enable_json=False,  # ids and documents stay text: nobody here needs them parsed
                enable_hstore=False,
                enable_uuid=False,
                on_connect=self._connected,
                options=server_options(self._url),
                application_name=self._name,
                keepalives_idle=30,
                tcp_user_timeout=10_000,
                **place,
            )
        except TimeoutError as error:
            raise DatabaseTimeout("connecting took too long") from error
        except psycopg2.Error as error:
            _forget_closed_socket()
            raise translate(error) from error

    async def close(self) -> None:
        """Wait for what runs, then disconnect."""
        if self._pool is not None:
            self._sweep()
            self._pool.close()
            await self._pool.wait_closed()
            self._connections.clear()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def size(self) -> int:
        """How many connections there may be."""
        return self._size

    @property
    def in_use(self) -> int:
        """How many connections are busy."""
        return len(self._busy)

    async def fetch_all(
        self, sql: str, params: Params | None = None, *, prepared: Sequence[Prepared] = ()
    ) -> list[Row]:
        """All rows of a statement that is its own transaction.

        ``sql`` may hold several statements: one round trip, one transaction, a new snapshot for
        each, and the rows of the last. ``prepared`` names what they EXECUTE.
        """
        async with self._acquire() as connection:
            await self._prepare(connection, prepared)
            return await Transaction(connection).fetch_all(sql, params)

    async def _prepare(self, connection: aiopg.Connection, prepared: Sequence[Prepared]) -> None:
        known = self._connections[connection]
        for statement in prepared:
            if statement.name not in known:
                await Transaction(connection).execute(statement.sql)
                known.add(statement.name)

    async def ping(self) -> None:
        """Raises when PostgreSQL does not answer."""
        await self.fetch_all("SELECT 1")

    async def fetch_one(self, sql: str, params: Params | None = None) -> Row | None:
        """The first row of a statement that is its own transaction, or None."""
        rows = await self.fetch_all(sql, params)
        return rows[0] if rows else None

    async def execute(self, sql: str, params: Params | None = None) -> int:
        """Run a statement as its own transaction; returns how many rows it touched."""
        async with self._acquire() as connection:
            return await Transaction(connection).execute(sql, params)

    @asynccontextmanager
    async def transaction(self, *, prepared: Sequence[Prepared] = ()) -> AsyncIterator[Transaction]:
        """A transaction (READ COMMITTED): commits at the end of the block, rolls back on error.
        ``prepared`` names what it may EXECUTE.

        Once COMMIT is sent, a cancelled caller waits for its outcome. When the connection breaks
        there, :class:`DatabaseUnavailable` leaves the outcome unknown.
        """
        async with self._acquire() as connection:
            await self._prepare(connection, prepared)
            transaction = Transaction(connection)
            await transaction.execute("BEGIN")
            try:
                yield transaction
            except BaseException:
                if not connection.closed:
                    with suppress(Exception):
                        await _see_through(transaction.execute("ROLLBACK"))
                raise
            await _see_through(transaction.execute("COMMIT"))

    @asynccontextmanager
    async def _acquire(self) -> AsyncIterator[aiopg.Connection]:
        if self._pool is None:
            raise DatabaseUnavailable("not connected")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseTimeout("no free connection in time") from error
        try:
            connection = await self._connection(self._pool)
            self._busy.add(connection)
            try:
                yield connection
            except Exception as error:
                if breaks_connection(error):
                    connection.close()
                raise
            finally:
                self._busy.discard(connection)
                if connection.closed or connection.raw.isexecuting():
                    # broken, or abandoned amid a statement: its state is anybody's guess
                    connection.close()
                    self._connections.pop(connection, None)
                self._pool.release(connection)
        finally:
            self._free.release()

    async def _connection(self, pool: aiopg.Pool) -> aiopg.Connection:
        """A connection that is open. Raises StoreError."""
        for _ in range(self._size + 1):  # the server may close each one that is free
            self._sweep()
            try:
                return await pool.acquire()
            except TimeoutError as error:
                raise DatabaseTimeout("connecting took too long") from error
            except psycopg2.Error as error:
                _forget_closed_socket()
                raise translate(error) from error
            except AssertionError:
                continue  # aiopg's way to say that it was closed while others were opened
        raise DatabaseUnavailable("PostgreSQL closes connections as soon as they are open")

    async def _connected(self, connection: aiopg.Connection) -> None:
        self._connections[connection] = set()

    def _sweep(self) -> None:
        """Close our side of connections that PostgreSQL closed while they were idle.

        aiopg drops such a connection without taking its socket out of the event loop, where the
        number of the socket would then be mistaken for that of a later one.
        """
        for connection in self._connections.keys() - self._busy:
            if connection.closed:
                connection.close()
                del self._connections[connection]


@contextmanager
def _store_errors() -> Iterator[None]:
    """Raise the store's error for the driver's."""
    try:
        yield
    except psycopg2.Error as error:
        raise translate(error) from error


def _forget_closed_socket() -> None:
    """After a refused connection: libpq has closed its socket, but uvloop still knows the number
    and would refuse to watch the next socket that gets it. That is the lowest one free: ours now.
    """
    with socket.socket() as probe:
        asyncio.get_running_loop().remove_reader(probe.fileno())


async def _execute(cursor: aiopg.Cursor, sql: str, params: Params | None) -> None:
    task = asyncio.current_task()
    try:
        await cursor.execute(sql, params, timeout=STATEMENT_TIMEOUT_S + ANSWER_MARGIN_S)
    except TimeoutError as error:
        raise DatabaseTimeout("no answer in time") from error
    except asyncio.CancelledError as error:
        # aiopg reports a statement that PostgreSQL has cancelled (statement_timeout) this way.
        if task is not None and task.cancelling():
            raise
        raise DatabaseTimeout("the statement took too long") from error
    if task is not None and task.cancelling():
        # asyncio.wait_for, as aiopg uses it, loses a cancellation that comes with the answer.
        raise asyncio.CancelledError


async def _see_through(work: Awaitable[T]) -> T:
    """Await ``work`` to its end, also when the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
