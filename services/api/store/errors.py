"""What can go wrong between api and PostgreSQL.

    StoreError
    ├── DatabaseUnavailable   no connection, or it broke: the outcome may be unknown
    │   └── DatabaseTimeout   a statement, a lock or a free connection took too long
    ├── WriteConflict         deadlock or serialisation failure: rolled back, try again
    └── AlreadyThere          a unique constraint; ``constraint`` names it

Anything else that psycopg2 raises is a bug in a statement and passes through unchanged.
"""

from __future__ import annotations

import psycopg2
from psycopg2 import errors


class StoreError(Exception):
    """Base of the store's errors."""


class DatabaseUnavailable(StoreError):
    """PostgreSQL cannot be reached, or the connection broke. A write may have happened."""


class DatabaseTimeout(DatabaseUnavailable):
    """PostgreSQL, a lock or the pool took longer than allowed."""


class WriteConflict(StoreError):
    """Rolled back because of another transaction; the same again may succeed."""


class AlreadyThere(StoreError):
    """A unique constraint was violated; the transaction is rolled back."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


_TIMEOUTS = (
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
)


def translate(error: psycopg2.Error) -> Exception:
    """The store's error for a driver's error, or the error itself when it is a bug."""
    if isinstance(error, errors.UniqueViolation):
        return AlreadyThere(error.diag.constraint_name or "")
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return WriteConflict(_one_line(error))
    if isinstance(error, _TIMEOUTS):
        return DatabaseTimeout(_one_line(error))
    if isinstance(error, errors.ReadOnlySqlTransaction):  # connected to a standby after fail-over
        return DatabaseUnavailable(_one_line(error))
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return DatabaseUnavailable(_one_line(error))
    if type(error) is psycopg2.DatabaseError and error.pgcode is None:
        return DatabaseUnavailable(_one_line(error))  # libpq lost the server amid an answer
    bug: Exception = error
    return bug


def breaks_connection(error: Exception) -> bool:
    """Whether the connection should not be used again."""
    return isinstance(error, DatabaseUnavailable) and not (
        isinstance(error, DatabaseTimeout) and isinstance(error.__cause__, errors.LockNotAvailable)
    )


def _one_line(error: psycopg2.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
