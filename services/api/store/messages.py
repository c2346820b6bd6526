"""Messages after they were sent: edited, and recalled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from services.api.domain.editing import may_become, may_edit, may_recall
from services.api.domain.roles import Deed, may
from services.api.store.attachments import detach
from services.api.store.conversations import lock_as_member
from services.api.store.database import Database, Transaction
from services.api.store.log import Locked, NewEvent, Written, write
from services.api.store.mentions import (
    Text,
    forget_mentions,
    in_body,
    mentioned,
    write_mentions,
)
from services.api.store.reach import refusal
from services.api.store.signatures import outdate
from shared.codes import ErrorCode
from shared.events import EventKind, Role
from shared.ids import is_id
from shared.limits import MENTIONS_MAX
from shared.problems import Problem

# That it was said in a thread stays, for those who count replies.
_RECALLED_BODY: Final = """
    jsonb_strip_nulls(jsonb_build_object(
        'text', '', 'recalled', true, 'thread', body::jsonb -> 'thread'
    ))::text
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a message."""

    seq: int
    version: int
    text: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A message that somebody wants to change."""

    seq: int
    sender: str
    text: str  # the first one
    created_at: datetime
    age_s: float
    recalled: bool


def no_message() -> Problem:
    """For what is no message, and for messages that may not be seen."""
    return Problem(ErrorCode.NOT_FOUND, "There is no such message, or you may not see it.")


async def target(asker: Database | Transaction, conversation: str, user: str, seq: int) -> Target:
    """A message as this member sees it. Raises Problem."""
    if not is_id(conversation):
        raise no_message()
    row = await asker.fetch_one(
        """
        SELECT e.sender_id::text, e.body, e.created_at,
            extract(epoch FROM clock_timestamp() - e.created_at)::float, r.seq IS NOT NULL
        FROM members m
        JOIN events e ON e.conversation_id = m.conversation_id AND e.seq = %s
            AND e.seq >= m.first_seq AND e.kind = 'message'
        LEFT JOIN recalls r ON r.conversation_id = e.conversation_id AND r.seq = e.seq
        WHERE m.conversation_id = %s AND m.user_id = %s AND m.left_seq IS NULL
        """,
        (seq, conversation, user),
    )
    if row is None:
        raise no_message()
    body: dict[str, Any] = msgspec.json.decode(row[1])
    return Target(seq, row[0], body["text"], *row[2:])


async def lock_message(
    transaction: Transaction, conversation: str, user: str, seq: int
) -> tuple[dict[str, Locked], Role, Target]:
    """Lock a conversation to change one of its messages: (locked, the user's role, message)."""
    locked, role = await lock_as_member(transaction, conversation, user)
    return locked, role, await target(transaction, conversation, user, seq)


async def must_not_be_silenced(
    transaction: Transaction, group: Locked, user: str, role: Role, *, writing: bool
) -> None:
    """Raises Problem for who may not write now; ``writing``: also where only others write."""
    if writing and group.posting == "admins":
        may(role, Deed.WRITE_ANNOUNCEMENTS)
    row = await transaction.fetch_one(
        "SELECT shut FROM members WHERE conversation_id = %s AND user_id = %s"
        " AND (shut OR silenced_until > clock_timestamp())",
        (group.id, user),
    )
    if row is not None:
        raise (
            refusal("messages")
            if row[0]
            else Problem(ErrorCode.FORBIDDEN, "You may not write here for a while.")
        )


class Messages:
    """Tables ``message_versions`` and ``recalls``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def edit(
        self, conversation: str, user: str, seq: int, text: str, expected: int | None
    ) -> tuple[Version, Written | None]:
        """Give one's own message another text; Written unless it has that text already.

        ``expected`` is the version that the user has seen, None if any will do.
        """
        async with self._database.transaction() as transaction:
            locked, role, message = await lock_message(transaction, conversation, user, seq)
            may_edit(user, message.sender, recalled=message.recalled)
            await must_not_be_silenced(transaction, locked[conversation], user, role, writing=True)
            versions = await _versions(transaction, conversation, message)
            present = versions[-1]
            if present.text == text:  # also a retry, whose first try has moved the version
                return present, None
            may_become(present.version, expected)
            number = present.version + 1
            body: dict[str, Any] = {"seq": seq, "version": number}
            (users,) = await mentioned(transaction, [Text(conversation, user, text)])
            if len(users) > MENTIONS_MAX:
                raise Problem(
                    ErrorCode.INVALID, f"mentions more than {MENTIONS_MAX} people", field="text"
                )
            await forget_mentions(transaction, conversation, seq)
            await write_mentions(transaction, [(conversation, seq, user, users)])
            if not await _has_newcomers(transaction, conversation, seq):
                body |= {"text": text} | in_body(users)
            await outdate(transaction, conversation, seq)
            event = NewEvent(conversation, EventKind.MESSAGE_EDITED, user, body)
            written = await write(transaction, locked, [event])
            row = await transaction.fetch_one(
                """
                INSERT INTO message_versions
                    (conversation_id, seq, version, event_seq, text, created_at)
                SELECT conversation_id, %s, %s, seq, %s, created_at FROM events
                WHERE conversation_id = %s AND seq = %s RETURNING created_at
                """,
                (seq, number, text, conversation, locked[conversation].head_seq),
            )
            assert row is not None
            return Version(seq, number, text, row[0]), written

    async def recall(self, conversation: str, user: str, seq: int) -> Written | None:
        """Take a message's texts away, for good; None if they are gone already."""
        async with self._database.transaction() as transaction:
            locked, role, message = await lock_message(transaction, conversation, user, seq)
            may_recall(user, message.sender, role, message.age_s)
            if message.recalled:
                return None
            await transaction.execute(
                "INSERT INTO recalls VALUES (%s, %s, %s, clock_timestamp())",
                (conversation, seq, user),
            )
            await _erase(transaction, conversation, seq)
            event = NewEvent(conversation, EventKind.MESSAGE_RECALLED, user, {"seq": seq})
            return await write(transaction, locked, [event])

    async def versions(self, conversation: str, user: str, seq: int) -> list[Version]:
        """All texts of a message, the oldest first; none of a recalled one."""
        message = await target(self._database, conversation, user, seq)
        if message.recalled:
            return []
        return await _versions(self._database, conversation, message)


async def _versions(
    asker: Database | Transaction, conversation: str, message: Target
) -> list[Version]:
    rows = await asker.fetch_all(
        "SELECT seq, version, text, created_at FROM message_versions"
        " WHERE conversation_id = %s AND seq = %s ORDER BY version",
        (conversation, message.seq),
    )
    first = Version(message.seq, 1, message.text, message.created_at)
    return [first, *(Version(*row) for row in rows)]


async def _has_newcomers(transaction: Transaction, conversation: str, seq: int) -> bool:
    """Whether somebody came after a message: the event that goes to all must not show them it."""
    row = await transaction.fetch_one(
        "SELECT 1 FROM members WHERE conversation_id = %s AND left_seq IS NULL AND first_seq > %s"
        " LIMIT 1",
        (conversation, seq),
    )
    return row is not None


async def _erase(transaction: Transaction, conversation: str, seq: int) -> None:
    """Remove a message's texts wherever they stand, and what is attached to it."""
    await transaction.execute(
        """
        UPDATE events e SET body = (e.body::jsonb - '{text,mentions,mention_all}'::text[])::text
        FROM message_versions v
        WHERE v.conversation_id = %s AND v.seq = %s
            AND e.conversation_id = v.conversation_id AND e.seq = v.event_seq
        """,
        (conversation, seq),
    )
    await transaction.execute(
        "DELETE FROM message_versions WHERE conversation_id = %s AND seq = %s", (conversation, seq)
    )
    await detach(transaction, conversation, seq)
    for table in ("reactions", "pins"):
        await transaction.execute(
            f"DELETE FROM {table} WHERE conversation_id = %s AND seq = %s",  # noqa: S608 - constants
            (conversation, seq),
        )
    await forget_mentions(transaction, conversation, seq)
    await transaction.execute(
        f"UPDATE events SET body = {_RECALLED_BODY} WHERE conversation_id = %s AND seq = %s",  # noqa: S608
        (conversation, seq),
    )
