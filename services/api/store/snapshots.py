"""Messages as they are now: with their present text and all that is attached to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.api.store.conversations import not_found
from services.api.store.database import Database, Row
from shared.ids import EVERYBODY, is_id
from shared.limits import PINS_MAX, REACTION_USERS_SHOWN

# Among many reactions and edits there may be few messages: a page may be short then, never slow.
SCAN_MAX: Final = 1000
_LAST_SEQ: Final = 2**63 - 1


class Reaction(Struct, frozen=True):
    """One emoji on a message, and who was first to react with it."""

    emoji: str
    count: int
    mine: bool
    users: list[str]


@dataclass(frozen=True, slots=True)
class Present:
    """A message as it is now."""

    seq: int
    sender: str
    time: datetime
    number: int
    client_msg_id: str
    text: str
    reply_to: int | None
    version: int
    edited_at: datetime | None
    recalled: bool
    pinned: bool
    reactions: list[Reaction]
    attachments: list[dict[str, Any]]
    thread: int | None  # seq of the message that its thread begins with
    replies: int  # in the thread that begins with this message
    last_reply: int | None  # seq of the newest of them
    mentions: list[str]
    mention_all: bool
    forwarded: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Messages in ascending order, as of event ``head_seq``."""

    head_seq: int
    first_seq: int
    next_before: int | None  # where the page before this one ends; None: there is none
    messages: list[Present] = field(default_factory=list)


# Who asks; which messages; how these are now.
_VIEWER: Final = """
WITH viewer AS MATERIALIZED (
    SELECT m.first_seq, c.head_seq
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = %(room)s AND m.user_id = %(user)s AND m.left_seq IS NULL
)"""
_BEFORE: Final = """, scanned AS MATERIALIZED (
    SELECT e.* FROM viewer, LATERAL (
        SELECT * FROM events e
        WHERE e.conversation_id = %(room)s AND e.seq < %(before)s
            AND e.seq >= viewer.first_seq
        ORDER BY e.seq DESC LIMIT %(scan)s
    ) e
), found AS MATERIALIZED (
    SELECT * FROM scanned WHERE kind = 'message' ORDER BY seq DESC LIMIT %(limit)s
)
"""
_PINNED: Final = """, found AS MATERIALIZED (
    SELECT e.* FROM viewer, pins p JOIN events e USING (conversation_id, seq)
    WHERE p.conversation_id = %(room)s AND p.seq >= viewer.first_seq AND e.kind = 'message'
    ORDER BY p.seq DESC LIMIT %(limit)s
), scanned AS (SELECT NULL::bigint AS seq)
"""
_THREAD: Final = """, found AS MATERIALIZED (
    SELECT e.* FROM viewer, thread_replies r JOIN events e USING (conversation_id, seq)
    WHERE r.conversation_id = %(room)s AND r.root_seq = %(root)s AND r.seq < %(before)s
        AND r.seq >= viewer.first_seq
    ORDER BY r.seq DESC LIMIT %(limit)s
), scanned AS (SELECT NULL::bigint AS seq)
"""
_BY_SEQ: Final = """, found AS MATERIALIZED (
    SELECT e.* FROM viewer, events e
    WHERE e.conversation_id = %(room)s AND e.seq = ANY(%(seqs)s::bigint[])
        AND e.seq >= viewer.first_seq AND e.kind = 'message'
), scanned AS (SELECT NULL::bigint AS seq)
"""
_NOW: Final = """
SELECT viewer.head_seq, viewer.first_seq, (SELECT min(seq) FROM scanned),
    f.seq, f.sender_id::text, f.created_at, f.number, f.client_msg_id, f.body,
    v.version, v.text, v.created_at,
    EXISTS (
        SELECT FROM recalls r WHERE r.conversation_id = %(room)s AND r.seq = f.seq
    ),
    EXISTS (SELECT FROM pins p WHERE p.conversation_id = %(room)s AND p.seq = f.seq),
    x.reactions, t.replies, t.last_seq, n.users
FROM viewer LEFT JOIN found f ON true
LEFT JOIN LATERAL (
    SELECT v.version, v.text, v.created_at FROM message_versions v
    WHERE v.conversation_id = %(room)s AND v.seq = f.seq
    ORDER BY v.version DESC LIMIT 1
) v ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'emoji', g.emoji, 'count', g.count, 'mine', g.mine, 'users', g.users
    ) ORDER BY g.first)::text AS reactions
    FROM (
        SELECT o.emoji, count(*) AS count, bool_or(o.user_id = %(user)s) AS mine,
            min(o.event_seq) AS first,
            (array_agg(o.user_id::text ORDER BY o.event_seq))[1:%(shown)s] AS users
        FROM reactions o WHERE o.conversation_id = %(room)s AND o.seq = f.seq
        GROUP BY o.emoji
    ) g
) x ON true
LEFT JOIN threads t ON t.conversation_id = %(room)s AND t.root_seq = f.seq
LEFT JOIN LATERAL (
    SELECT array_agg(o.user_id::text ORDER BY o.user_id) AS users
    FROM mentions o WHERE o.conversation_id = %(room)s AND o.seq = f.seq
) n ON true
ORDER BY f.seq
"""

_reactions: Final = msgspec.json.Decoder(list[Reaction])


class Snapshots:
    """Questions about the present. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def before(self, conversation: str, user: str, seq: int | None, limit: int) -> Snapshot:
        """The last ``limit`` messages before ``seq``, or before the end of the log."""
        found = await self._read(_BEFORE, conversation, user, seq or _LAST_SEQ, limit)
        head, first, lowest, messages = found
        told = messages[0].seq if len(messages) == limit else lowest
        return Snapshot(head, first, told if told is not None and told > first else None, messages)

    async def pinned(self, conversation: str, user: str) -> Snapshot:
        """All pinned messages; there are at most ``PINS_MAX``."""
        head, first, _, messages = await self._read(
            _PINNED, conversation, user, _LAST_SEQ, PINS_MAX
        )
        return Snapshot(head, first, None, messages)

    async def thread(
        self, conversation: str, user: str, root: int, before: int | None, limit: int
    ) -> Snapshot:
        """The last ``limit`` replies in a thread before a seq, or before its end."""
        head, first, _, messages = await self._read(
            _THREAD, conversation, user, before or _LAST_SEQ, limit + 1, root
        )
        shown = messages[-limit:]
        told = shown[0].seq if len(messages) > limit else None
        return Snapshot(head, first, told, shown)

    async def by_seq(self, conversation: str, user: str, seqs: Sequence[int]) -> list[Present]:
        """Those of these messages that there are."""
        found = await self._read(_BY_SEQ, conversation, user, 0, 0, seqs=seqs)
        return found[3]

    async def _read(
        self,
        which: str,
        conversation: str,
        user: str,
        before: int,
        limit: int,
        root: int = 0,
        seqs: Sequence[int] = (),
    ) -> tuple[int, int, int | None, list[Present]]:
        """Head, the viewer's first seq, the lowest seq looked at, and messages, ascending."""
        if not is_id(conversation):
            raise not_found()
        # One statement, one snapshot: what it tells is exactly the log up to head_seq.
        rows = await self._database.fetch_all(
            _VIEWER + which + _NOW,
            {
                "room": conversation, "user": user, "before": before, "limit": limit,
                "root": root, "seqs": list(seqs), "scan": SCAN_MAX, "shown": REACTION_USERS_SHOWN,
            },
        )  # fmt: skip
        if not rows:
            raise not_found()
        head, first, lowest = rows[0][:3]
        return head, first, lowest, [_present(row[3:]) for row in rows if row[3] is not None]


def _present(row: Row) -> Present:
    seq, sender, time, number, client_msg_id, raw, version, text, edited_at = row[:9]
    recalled, pinned, reactions, replies, last_reply, mentions = row[9:]
    people = mentions or []
    body: dict[str, Any] = msgspec.json.decode(raw)
    return Present(
        seq=seq,
        sender=sender,
        time=time,
        number=number,
        client_msg_id=client_msg_id,
        text=body["text"] if text is None else text,
        reply_to=body.get("reply_to"),
        version=version or 1,
        edited_at=edited_at,
        recalled=recalled,
        pinned=pinned,
        reactions=_reactions.decode(reactions) if reactions else [],
        attachments=body.get("attachments", []),
        thread=body.get("thread"),
        replies=replies or 0,
        last_reply=last_reply,
        mentions=[user for user in people if user != EVERYBODY],
        mention_all=EVERYBODY in people,
        forwarded=body.get("forwarded"),
    )
