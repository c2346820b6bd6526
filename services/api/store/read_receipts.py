"""Who has got and read a message, and when; and who keeps that to themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.api.store.conversations import not_found
from services.api.store.database import Database
from services.api.store.messages import no_message
from shared.ids import is_id
from shared.limits import MARK_TIMES_S, RECEIPTS_MAX_MEMBERS

_PRUNED_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """A member's side. A time is None for what has not happened, and for what was long ago."""

    user: str
    delivered: bool
    delivered_at: datetime | None
    read: bool
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageReceipts:
    """Of a message; without its sender, and without who came later. ``members`` is None where
    there are too many to list."""

    delivered: int
    read: int
    members: list[Receipt] | None


# Nobody sees reading but their own who does not show their own.
_MEMBERS: Final = """
    WITH viewer AS MATERIALIZED (
        SELECT m.receipts_private, c.member_count, e.sender_id
        FROM members m JOIN conversations c ON c.id = m.conversation_id
        LEFT JOIN events e ON e.conversation_id = c.id AND e.seq = %(seq)s AND e.kind = 'message'
            AND e.seq >= m.first_seq
        WHERE m.conversation_id = %(room)s AND m.user_id = %(user)s AND m.left_seq IS NULL
    ), side AS (
        SELECT m.user_id, m.delivered_seq >= %(seq)s AS delivered,
            m.read_seq >= %(seq)s AND (m.user_id = %(user)s
                OR NOT (viewer.receipts_private OR m.receipts_private)) AS read
        FROM viewer, members m
        WHERE m.conversation_id = %(room)s AND m.left_seq IS NULL AND m.first_seq <= %(seq)s
            AND m.user_id <> viewer.sender_id
    )
"""


class ReadReceipts:
    """Questions about marks. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_message(self, conversation: str, user: str, seq: int) -> MessageReceipts:
        """Who has got and read it, as this member may know."""
        if not is_id(conversation):
            raise not_found()
        asked = {"room": conversation, "user": user, "seq": seq}
        counted = await self._database.fetch_one(
            f"""
            {_MEMBERS} SELECT viewer.member_count, viewer.sender_id IS NOT NULL,
                (SELECT count(*) FROM side WHERE delivered), (SELECT count(*) FROM side WHERE read)
            FROM viewer
            """,  # noqa: S608 - constants
            asked,
        )
        if counted is None:
            raise not_found()
        members, is_message, delivered, read = counted
        if not is_message:
            raise no_message()
        if members > RECEIPTS_MAX_MEMBERS:
            return MessageReceipts(delivered, read, None)
        rows = await self._database.fetch_all(
            f"""
            {_MEMBERS} SELECT side.user_id::text, side.delivered, d.at, side.read,
                CASE WHEN side.read THEN r.at END
            FROM side
            LEFT JOIN LATERAL (
                SELECT t.at FROM mark_times t
                WHERE t.conversation_id = %(room)s AND t.user_id = side.user_id
                    AND t.delivered_seq >= %(seq)s
                ORDER BY t.delivered_seq, t.read_seq LIMIT 1
            ) d ON true
            LEFT JOIN LATERAL (
                SELECT t.at FROM mark_times t
                WHERE t.conversation_id = %(room)s AND t.user_id = side.user_id
                    AND t.delivered_seq >= %(seq)s AND t.read_seq >= %(seq)s
                ORDER BY t.delivered_seq, t.read_seq LIMIT 1
            ) r ON true
            ORDER BY side.user_id
            """,  # noqa: S608 - constants
            asked,
        )
        listed = [Receipt(*row) for row in rows]
        return MessageReceipts(
            sum(one.delivered for one in listed), sum(one.read for one in listed), listed
        )

    async def is_private(self, user: str) -> bool:
        """Whether this person neither tells nor is told what was read."""
        row = await self._database.fetch_one(
            "SELECT receipts_private FROM users WHERE id = %s", (user,)
        )
        return row is not None and bool(row[0])

    async def set_private(self, user: str, private: bool) -> None:
        """In all their conversations. The same again changes nothing."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "UPDATE users SET receipts_private = %s WHERE id = %s", (private, user)
            )
            # In one order, as marks are moved, or the two could wait for each other.
            await transaction.execute(
                """
                WITH mine AS MATERIALIZED (
                    SELECT conversation_id FROM members
                    WHERE user_id = %(user)s AND receipts_private <> %(private)s
                    ORDER BY conversation_id FOR NO KEY UPDATE
                )
                UPDATE members m
                SET receipts_private = %(private)s, updated_xid = pg_current_xact_id()
                FROM mine
                WHERE m.conversation_id = mine.conversation_id AND m.user_id = %(user)s
                """,
                {"user": user, "private": private},
            )

    async def prune(self) -> int:
        """Forget times that are old; how many, at most 10,000 at once."""
        return await self._database.execute(
            """
            DELETE FROM mark_times WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM mark_times WHERE at < now() - make_interval(secs => %s) LIMIT %s
            ))
            """,
            (MARK_TIMES_S, _PRUNED_AT_ONCE),
        )
