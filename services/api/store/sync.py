"""What has changed since a client last asked.

Every change writes its transaction's id on the row, and a cursor is the oldest transaction that
was still running when it was made. So a change that commits late is found by the next question,
however long it took; no clocks are compared. A change may be told twice, never not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.domain.cursor import Cursor
from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database
from services.api.store.views import VIEW_COLUMN_COUNT, VIEW_COLUMNS, VIEW_TABLES, View, view_of

# Transaction ids start over in a restored or promoted database: it has another system identifier
# (initdb), timeline (recovery, promotion) or table (pg_restore). Then everything is told again.
PRESENT: Final = """
    SELECT s.system_identifier || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
            || '.' || 'conversations'::regclass::oid AS database,
        pg_snapshot_xmin(pg_current_snapshot()) AS xmin,
        pg_snapshot_xmax(pg_current_snapshot()) AS xmax
    FROM pg_control_system() s
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of the answer."""

    cursor: Cursor
    more: bool
    full: bool  # the cursor was of no use: these are all conversations
    views: list[View]
    left: list[str]  # conversations that the user is no longer in


class Sync:
    """Questions by cursor. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, user: str, cursor: Cursor, limit: int) -> Changes:
        """The user's conversations that changed since the cursor, in the order of ids."""
        rows = await self._database.fetch_all(
            f"""
            WITH present AS MATERIALIZED (
                SELECT *, database <> %(database)s OR %(since)s::xid8 > xmax AS unusable
                FROM ({PRESENT}) AS p
            ), asked AS MATERIALIZED (
                SELECT *, unusable OR %(since)s::xid8 = '0' AS whole,
                    CASE WHEN unusable THEN '0' ELSE %(since)s END::xid8 AS since,
                    CASE WHEN unusable THEN %(lowest)s ELSE %(after)s END::uuid AS after
                FROM present
            )
            SELECT asked.database, asked.xmin::text, asked.unusable, asked.whole,
                v.conversation, v.has_left, v.*
            FROM asked LEFT JOIN LATERAL (
                SELECT m.conversation_id::text AS conversation, m.left_seq IS NOT NULL AS has_left,
                    {VIEW_COLUMNS}
                FROM {VIEW_TABLES}
                WHERE m.user_id = %(user)s AND m.conversation_id > asked.after
                    AND (m.left_seq IS NULL OR NOT asked.whole)
                    AND (asked.whole OR m.updated_xid >= asked.since
                        OR (m.left_seq IS NULL
                            AND (c.updated_xid >= asked.since OR p.updated_xid >= asked.since)))
                ORDER BY m.conversation_id LIMIT %(limit)s
            ) v ON true
            """,  # noqa: S608 - constants
            {
                "database": cursor.database,
                "since": str(cursor.since),
                "after": cursor.after or LOWEST_ID,
                "lowest": LOWEST_ID,
                "user": user,
                "limit": limit + 1,
            },
        )
        database, xmin, unusable, whole = rows[0][:4]
        found = [row for row in rows if row[4] is not None]
        more = len(found) > limit
        found = found[:limit]
        # The next cursor counts from before the first page, for what changes between the pages.
        then = int(xmin) if unusable or not cursor.then else cursor.then
        following = (
            Cursor(database, 0 if whole else cursor.since, then, found[-1][4])
            if more
            else Cursor(database, then)
        )
        return Changes(
            cursor=following,
            more=more,
            full=whole,
            views=[view_of(row[-VIEW_COLUMN_COUNT:]) for row in found if not row[5]],
            left=[row[4] for row in found if row[5]],
        )

    async def heads(
        self, users: Sequence[str], cursor: Cursor | None
    ) -> tuple[Cursor, dict[str, list[tuple[str, int]]]]:
        """User → (conversation, head seq) of those that moved. None: only a first cursor."""
        if cursor is None:
            users = []
        cursor = cursor or Cursor()
        rows = await self._database.fetch_all(
            f"""
            WITH present AS MATERIALIZED ({PRESENT})
            SELECT present.database, present.xmin::text, v.*
            FROM present LEFT JOIN LATERAL (
                SELECT m.user_id::text, c.id::text, c.head_seq
                FROM members m JOIN conversations c ON c.id = m.conversation_id
                WHERE m.user_id = ANY(%s::uuid[]) AND m.left_seq IS NULL
                    AND (c.updated_xid >= %s::xid8 OR present.database <> %s)
            ) v ON true
            """,  # noqa: S608 - constants
            (list(users), str(cursor.since), cursor.database),
        )
        heads: dict[str, list[tuple[str, int]]] = {}
        for _, _, user, conversation, head_seq in rows:
            if user is not None:
                heads.setdefault(user, []).append((conversation, head_seq))
        return Cursor(rows[0][0], int(rows[0][1])), heads
