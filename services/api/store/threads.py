"""Threads: replies that stand aside, with followers and unread counts of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.store.conversations import LOWEST_ID, not_found
from services.api.store.database import Database, Row, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from services.api.store.messages import no_message
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.ids import EVERYBODY, is_id
from shared.problems import Problem

# The conversation is locked: counts and numbers are the latest. Followers: who wrote the message at
# the root, who replies, who is mentioned; who has stopped following stays away.
_REPLY: Final = """
    WITH thread AS (
        INSERT INTO threads AS t (conversation_id, root_seq, replies, last_seq)
        VALUES (%(room)s, %(root)s, 1, %(seq)s)
        ON CONFLICT (conversation_id, root_seq) DO UPDATE
        SET replies = t.replies + 1, last_seq = excluded.last_seq
        RETURNING replies
    ), kept AS (
        INSERT INTO thread_replies (conversation_id, root_seq, seq, number)
        SELECT %(room)s, %(root)s, %(seq)s, replies FROM thread
    )
    INSERT INTO thread_members AS f (user_id, conversation_id, root_seq, read_seq, read_number,
        unread_since)
    SELECT m.user_id, m.conversation_id, %(root)s,
        CASE WHEN m.user_id = %(sender)s THEN %(seq)s ELSE 0 END,
        CASE WHEN m.user_id = %(sender)s THEN thread.replies ELSE thread.replies - 1 END,
        CASE WHEN m.user_id = %(sender)s THEN NULL ELSE %(seq)s END
    FROM thread, members m
    WHERE m.conversation_id = %(room)s AND m.left_seq IS NULL
        AND m.user_id = ANY(%(people)s::uuid[] || %(sender)s::uuid || (
            SELECT e.sender_id FROM events e
            WHERE e.conversation_id = %(room)s AND e.seq = %(root)s
        ))
    ON CONFLICT (user_id, conversation_id, root_seq) DO UPDATE
    SET read_seq = greatest(f.read_seq, excluded.read_seq),
        read_number = greatest(f.read_number, CASE WHEN excluded.read_seq > 0
            THEN excluded.read_number ELSE 0 END),
        unread_since = CASE WHEN excluded.read_seq > 0 THEN NULL ELSE f.unread_since END;
    UPDATE thread_members SET unread_since = %(seq)s
    WHERE conversation_id = %(room)s AND root_seq = %(root)s AND unread_since IS NULL
        AND following AND user_id <> %(sender)s
"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as one member sees it."""

    conversation: str
    thread: int  # seq of the message that it begins with
    replies: int
    last_seq: int
    following: bool
    read_seq: int
    unread: int


_COLUMNS: Final = """
    t.conversation_id::text, t.root_seq, t.replies, t.last_seq, coalesce(f.following, false),
    coalesce(f.read_seq, 0),
    CASE WHEN f.following THEN t.replies - f.read_number ELSE 0 END
"""


async def write_reply(
    transaction: Transaction, conversation: str, root: int, seq: int, sender: str,
    mentions: Sequence[str],
) -> None:  # fmt: skip
    """Count a reply that this transaction has stored, and tell its followers apart."""
    people = [user for user in mentions if user != EVERYBODY]
    await transaction.execute(
        _REPLY,
        {"room": conversation, "root": root, "seq": seq, "sender": sender, "people": people},
    )


class Threads:
    """Tables ``threads`` and ``thread_members``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def followed(
        self, user: str, after: tuple[str, int] | None, limit: int, *, unread: bool
    ) -> list[Thread]:
        """Threads that the user follows, in the order of conversations and seqs."""
        conversation, root = after or (LOWEST_ID, 0)
        rows = await self._database.fetch_all(
            f"""
            SELECT {_COLUMNS} FROM thread_members f
            JOIN threads t ON t.conversation_id = f.conversation_id AND t.root_seq = f.root_seq
            WHERE f.user_id = %(user)s AND f.following
                AND (f.conversation_id, f.root_seq) > (%(conversation)s, %(root)s)
                {"AND f.unread_since IS NOT NULL" if unread else ""}
            ORDER BY f.conversation_id, f.root_seq LIMIT %(limit)s
            """,  # noqa: S608 - constants
            {"user": user, "conversation": conversation, "root": root, "limit": limit},
        )
        return [Thread(*row) for row in rows]

    async def of_member(self, conversation: str, user: str, root: int) -> Thread:
        """One thread; one without replies if there is only the message."""
        if not is_id(conversation):
            raise not_found()
        row = await self._one(self._database, conversation, user, root)
        if row is None:
            raise no_message()
        thread: Thread = Thread(*row)
        return thread

    async def replies(self, conversation: str, root: int, before: int, limit: int) -> list[int]:
        """Seqs of the last ``limit`` replies before a seq, ascending."""
        rows = await self._database.fetch_all(
            "SELECT seq FROM thread_replies"
            " WHERE conversation_id = %s AND root_seq = %s AND seq < %s ORDER BY seq DESC LIMIT %s",
            (conversation, root, before, limit),
        )
        return [row[0] for row in reversed(rows)]

    async def change(
        self, conversation: str, user: str, root: int, following: bool | None, read: int | None
    ) -> tuple[Thread, Written | None]:
        """Follow a thread or stop, and say how far one has read it (never back)."""
        if not is_id(conversation):
            raise not_found()
        inbox = (await self._inboxes.of([user]))[user]
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation, inbox])
            row = await self._one(transaction, conversation, user, root)
            if row is None:
                raise no_message()
            present = Thread(*row)
            if read is not None and read > present.last_seq:
                raise Problem(
                    ErrorCode.INVALID, "The thread has no such reply yet.", field="read_seq"
                )
            follows = present.following if following is None else following
            reads = max(present.read_seq, read or 0)
            if (follows, reads) == (present.following, present.read_seq):
                return present, None
            await self._keep(transaction, present, user, follows, reads)
            row = await self._one(transaction, conversation, user, root)
            assert row is not None
            changed = Thread(*row)
            body = {
                "conversation": conversation, "thread": root, "following": follows,
                "read_seq": changed.read_seq,
            }  # fmt: skip
            event = NewEvent(inbox, EventKind.THREAD_CHANGED, user, body)
            return changed, await write(transaction, locked, [event])

    async def _keep(
        self, transaction: Transaction, thread: Thread, user: str, following: bool, read: int
    ) -> None:
        """Who begins to follow has read all there is."""
        if following and not thread.following:
            read = max(read, thread.last_seq)
        await transaction.execute(
            """
            WITH place AS (
                SELECT
                    (SELECT r.number FROM thread_replies r
                     WHERE r.conversation_id = %(room)s AND r.root_seq = %(root)s
                        AND r.seq <= %(read)s ORDER BY r.seq DESC LIMIT 1) AS number,
                    (SELECT min(r.seq) FROM thread_replies r
                     WHERE r.conversation_id = %(room)s AND r.root_seq = %(root)s
                        AND r.seq > %(read)s) AS next
            )
            INSERT INTO thread_members (user_id, conversation_id, root_seq, following, read_seq,
                read_number, unread_since)
            SELECT %(user)s, %(room)s, %(root)s, %(following)s, %(read)s, coalesce(number, 0), next
            FROM place
            ON CONFLICT (user_id, conversation_id, root_seq) DO UPDATE
            SET following = excluded.following, read_seq = excluded.read_seq,
                read_number = excluded.read_number, unread_since = excluded.unread_since;
            UPDATE members SET updated_xid = pg_current_xact_id()
            WHERE conversation_id = %(room)s AND user_id = %(user)s
            """,
            {
                "user": user, "room": thread.conversation, "root": thread.thread,
                "following": following, "read": read,
            },
        )  # fmt: skip

    async def _one(
        self, asker: Database | Transaction, conversation: str, user: str, root: int
    ) -> Row | None:
        return await asker.fetch_one(
            """
            SELECT e.conversation_id::text, e.seq, coalesce(t.replies, 0), coalesce(t.last_seq, 0),
                coalesce(f.following, false), coalesce(f.read_seq, 0),
                CASE WHEN f.following THEN coalesce(t.replies, 0) - f.read_number ELSE 0 END
            FROM members m
            JOIN events e ON e.conversation_id = m.conversation_id AND e.seq = %(root)s
                AND e.seq >= m.first_seq AND e.kind = 'message'
            LEFT JOIN threads t ON t.conversation_id = e.conversation_id AND t.root_seq = e.seq
            LEFT JOIN thread_members f ON f.user_id = m.user_id
                AND f.conversation_id = e.conversation_id AND f.root_seq = e.seq
            WHERE m.conversation_id = %(room)s AND m.user_id = %(user)s AND m.left_seq IS NULL
                AND e.body::jsonb -> 'thread' IS NULL
            """,
            {"room": conversation, "user": user, "root": root},
        )
