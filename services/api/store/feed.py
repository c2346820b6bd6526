"""The feed: what happened, in the order of transactions, kept for some days.

A page ends before the oldest transaction that is still running, so that what commits late is not
passed over (see :mod:`services.api.store.sync`). Transactions of one conversation may stand in
another order than its seqs say: readers go by seq, as every client does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.api.domain.cursor import Cursor
from services.api.store.database import Database
from services.api.store.events import in_ranges
from services.api.store.sync import PRESENT
from shared.services import FeedItem, FeedPage

PRUNE_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """How far the stream of presence changes has been copied."""

    run_id: str
    stream_id: str


class Feed:
    """Tables ``feed`` and ``feed_presence``. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enable(self, *, enabled: bool) -> None:
        """Have events noted from now on, or not any more. The table's lock is only taken when
        something changes."""
        row = await self._database.fetch_one(
            "SELECT tgenabled = 'O' FROM pg_trigger"
            " WHERE tgrelid = 'outbox'::regclass AND tgname = 'feed'"
        )
        if row is None or row[0] is not enabled:
            verb = "ENABLE" if enabled else "DISABLE"
            await self._database.execute(f"ALTER TABLE outbox {verb} TRIGGER feed")

    async def page(self, cursor: Cursor, limit: int) -> FeedPage:
        """What follows the cursor, at most ``limit`` transactions."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch_all(
                f"""
                WITH present AS MATERIALIZED (
                    SELECT *, %(database)s <> '' AND (database <> %(database)s
                        OR EXISTS (SELECT FROM feed_cut WHERE xid > %(since)s::xid8)) AS lost
                    FROM ({PRESENT}) AS p
                )
                SELECT p.database, p.lost, f.*
                FROM present p LEFT JOIN LATERAL (
                    SELECT xid::text, id, conversations::text[], first_seqs, last_seqs, connections
                    FROM feed
                    WHERE (xid, id) > (CASE WHEN p.lost THEN '0' ELSE %(since)s END::xid8,
                                       CASE WHEN p.lost THEN 0 ELSE %(then)s END)
                        AND xid < p.xmin
                    ORDER BY xid, id LIMIT %(limit)s
                ) f ON true
                """,  # noqa: S608 - constants
                {
                    "database": cursor.database,
                    "since": str(cursor.since),
                    "then": cursor.then,
                    "limit": limit,
                },
            )
            ranges = [
                one
                for row in rows
                if row[2] is not None
                for one in zip(row[4], row[5], row[6], strict=True)
            ]
            events = await in_ranges(transaction, ranges) if ranges else []
        database, lost = rows[0][0], bool(rows[0][1])
        items: list[FeedItem] = []
        at = 0
        last = cursor if cursor.database == database and not lost else Cursor(database)
        for row in rows:
            if row[2] is None:
                break
            count = sum(high - low + 1 for low, high in zip(row[5], row[6], strict=True))
            items += [FeedItem(event=msgspec.Raw(one.frame)) for one in events[at : at + count]]
            at += count
            if row[7]:
                items.append(msgspec.json.decode(row[7], type=FeedItem))
            last = Cursor(database, int(row[2]), row[3])
        return FeedPage(items, last.text(), lost)

    async def prune(self, days: int) -> int:
        """Forget what is older, some of it at a time; how many rows went."""
        return await self._database.execute(
            """
            WITH old AS MATERIALIZED (
                SELECT xid, id FROM feed WHERE created_at < now() - %s * interval '1 day'
                ORDER BY created_at LIMIT %s
            ), cut AS (
                UPDATE feed_cut SET xid = greatest(feed_cut.xid, o.xid)
                FROM (SELECT xid FROM old ORDER BY xid DESC LIMIT 1) o
            )
            DELETE FROM feed f USING old WHERE (f.xid, f.id) = (old.xid, old.id)
            """,
            (days, PRUNE_ROWS),
        )

    async def copied(self, before: Position, after: Position, items: Sequence[FeedItem]) -> bool:
        """Add news of connections. False: another replica has been faster."""
        async with self._database.transaction() as transaction:
            moved = await transaction.execute(
                "UPDATE feed_presence SET run_id = %s, stream_id = %s"
                " WHERE run_id = %s AND stream_id = %s",
                (after.run_id, after.stream_id, before.run_id, before.stream_id),
            )
            if moved and items:
                await transaction.execute(
                    "INSERT INTO feed (connections) SELECT * FROM unnest(%s::text[])",
                    ([msgspec.json.encode(item).decode() for item in items],),
                )
            return bool(moved)

    async def position(self) -> Position:
        """How far it has been copied."""
        row = await self._database.fetch_one("SELECT run_id, stream_id FROM feed_presence")
        return Position(*row) if row is not None else Position("", "0-0")
