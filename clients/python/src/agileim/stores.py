"""Where a client remembers how far it has come, so that a restart resumes exactly there.

Bring your own by implementing :class:`Store`; :class:`SqliteStore` keeps it in a file.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agileim.errors import AgileIMError
from agileim.logs import Position


class StoreBusy(AgileIMError):
    """Another process uses this store: two readers would take events from each other."""


@dataclass
class Saved:
    """What a store holds. No cursor: nothing was ever synced."""

    cursor: str | None = None
    positions: dict[str, Position] = field(default_factory=dict)


class Store(Protocol):
    """All methods are awaited one after another, never at the same time."""

    async def load(self) -> Saved:
        """What was saved."""

    async def handed_out(self, conversation: str, seq: int) -> None:
        """The program is done with event `seq` of `conversation`."""

    async def synced(
        self, cursor: str | None, positions: Mapping[str, Position], left: Iterable[str]
    ) -> None:
        """Keep, all or nothing: the cursor (None: as it was), these positions, without `left`."""

    async def close(self) -> None:
        """The client ends."""


class MemoryStore:
    """Remembers as long as the process lives; may be given to one client after another."""

    def __init__(self) -> None:
        self.saved = Saved()

    async def load(self) -> Saved:
        """What was saved."""
        return Saved(self.saved.cursor, dict(self.saved.positions))

    async def handed_out(self, conversation: str, seq: int) -> None:
        """See :class:`Store`."""
        known = self.saved.positions.get(conversation, Position(0, 0))
        self.saved.positions[conversation] = Position(seq, max(seq, known.head))

    async def synced(
        self, cursor: str | None, positions: Mapping[str, Position], left: Iterable[str]
    ) -> None:
        """See :class:`Store`."""
        self.saved.cursor = self.saved.cursor if cursor is None else cursor
        self.saved.positions.update(positions)
        for conversation in left:
            self.saved.positions.pop(conversation, None)

    async def close(self) -> None:
        """Nothing to do."""


_SCHEMA = """
PRAGMA journal_mode = wal;
PRAGMA synchronous = normal;
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS positions (
    conversation TEXT PRIMARY KEY, seq INTEGER NOT NULL, head INTEGER NOT NULL
) WITHOUT ROWID;
"""
_UPSERT = """
INSERT INTO positions (conversation, seq, head) VALUES (?, ?, ?) ON CONFLICT (conversation)
DO UPDATE SET seq = excluded.seq, head = max(head, excluded.head)
"""
_REPLACE = "INSERT OR REPLACE INTO positions (conversation, seq, head) VALUES (?, ?, ?)"


class SqliteStore:
    """Remembers in a file of its own, for one process at a time.

    A write takes some ten microseconds and survives the end of the process at any moment; a power
    cut may take the last ones back, which repeats events and never loses any.
    Raises :class:`StoreBusy`.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = path.with_suffix(path.suffix + ".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise StoreBusy(f"{path} is in use by another process") from error
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_SCHEMA)

    async def load(self) -> Saved:
        """What was saved."""
        row = self._database.execute("SELECT value FROM cursor").fetchone()
        rows = self._database.execute("SELECT conversation, seq, head FROM positions")
        positions = {name: Position(seq, head) for name, seq, head in rows}
        return Saved(row[0] if row else None, positions)

    async def handed_out(self, conversation: str, seq: int) -> None:
        """See :class:`Store`."""
        self._database.execute(_UPSERT, (conversation, seq, seq))

    async def synced(
        self, cursor: str | None, positions: Mapping[str, Position], left: Iterable[str]
    ) -> None:
        """See :class:`Store`."""
        self._database.execute("BEGIN")
        try:
            rows = [(name, p.seq, p.head) for name, p in positions.items()]
            self._database.executemany(_REPLACE, rows)
            gone = [(name,) for name in left]
            self._database.executemany("DELETE FROM positions WHERE conversation = ?", gone)
            if cursor is not None:
                self._database.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (cursor,))
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    async def close(self) -> None:
        """Close the file."""
        self._database.close()
        self._lock.close()
