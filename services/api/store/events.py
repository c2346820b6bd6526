"""The events of conversations' logs, read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.api.domain.routing import routed
from services.api.store.conversations import not_found
from services.api.store.database import Database, Row, Transaction
from shared.entries import RoutedEvent
from shared.frames import Event
from shared.ids import is_id

_COLUMNS: Final = (
    "e.conversation_id::text, e.seq, e.kind, e.sender_id::text, e.created_at, e.number, e.body,"
    " e.client_msg_id"
)
_ROUTING_COLUMNS: Final = "c.kind, c.low_id::text, c.high_id::text, c.inbox_of::text"
_LAST_SEQ: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a conversation's log, ascending, as one member sees it."""

    events: list[Event]
    head_seq: int
    first_seq: int


class Events:
    """Table ``events``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, conversation: str, user: str, seq: int, limit: int) -> Page:
        """The first ``limit`` events after ``seq``."""
        return await self._page(conversation, user, seq, _LAST_SEQ, limit, newest=False)

    async def before(self, conversation: str, user: str, seq: int | None, limit: int) -> Page:
        """The last ``limit`` events before ``seq``, or before the end of the log."""
        return await self._page(conversation, user, 0, seq or _LAST_SEQ, limit, newest=True)

    async def _page(
        self, conversation: str, user: str, after: int, before: int, limit: int, *, newest: bool
    ) -> Page:
        """Events between two seqs (both excluded), the newest or the oldest of them."""
        if not is_id(conversation):
            raise not_found()
        # One statement, one snapshot: who is a member and what they get are of the same moment.
        # Without the outer join, a member would be told apart from others only by having events.
        rows = await self._database.fetch_all(
            f"""
            WITH viewer AS MATERIALIZED (
                SELECT m.first_seq, c.head_seq
                FROM members m JOIN conversations c ON c.id = m.conversation_id
                WHERE m.conversation_id = %s AND m.user_id = %s AND m.left_seq IS NULL
            )
            SELECT viewer.head_seq, viewer.first_seq, e.* FROM viewer LEFT JOIN LATERAL (
                SELECT {_COLUMNS} FROM events e
                WHERE e.conversation_id = %s AND e.seq > %s AND e.seq < %s
                    AND e.seq >= viewer.first_seq
                ORDER BY e.seq {"DESC" if newest else "ASC"} LIMIT %s
            ) e ON true
            """,  # noqa: S608 - constants
            (conversation, user, conversation, after, before, limit),
        )
        if not rows:
            raise not_found()
        events = [_event(row[2:]) for row in rows if row[2] is not None]
        if newest:
            events.reverse()
        return Page(events, head_seq=rows[0][0], first_seq=rows[0][1])

    async def for_routing(self, conversation: str, after: int, limit: int) -> list[RoutedEvent]:
        """The first ``limit`` events after ``after`` as they stand in the stream."""
        rows = await self._database.fetch_all(
            f"""
            SELECT {_COLUMNS}, {_ROUTING_COLUMNS}
            FROM events e JOIN conversations c ON c.id = e.conversation_id
            WHERE e.conversation_id = %s AND e.seq > %s ORDER BY e.seq LIMIT %s
            """,  # noqa: S608 - constants
            (conversation, after, limit),
        )
        return [_routed(row) for row in rows]


async def in_ranges(
    transaction: Transaction, ranges: Sequence[tuple[str, int, int]]
) -> list[RoutedEvent]:
    """Events by (conversation, first seq, last seq), as they stand in the stream."""
    rows = await transaction.fetch_all(
        f"""
        SELECT {_COLUMNS}, {_ROUTING_COLUMNS}
        FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[])
            WITH ORDINALITY AS r (conversation_id, first_seq, last_seq, ord)
        JOIN conversations c ON c.id = r.conversation_id
        JOIN events e ON e.conversation_id = r.conversation_id
            AND e.seq BETWEEN r.first_seq AND r.last_seq
        ORDER BY r.ord, e.seq
        """,  # noqa: S608 - constants
        tuple([one[index] for one in ranges] for index in range(3)),
    )
    return [_routed(row) for row in rows]


def _event(row: Row) -> Event:
    conversation, seq, kind, sender, time, number, body, client_msg_id = row
    return Event(
        conversation=conversation,
        seq=seq,
        kind=kind,
        sender=sender,
        time=time,
        number=number,
        body=msgspec.Raw(body.encode()),
        client_msg_id=client_msg_id,
    )


def _routed(row: Row) -> RoutedEvent:
    event = _event(row[:8])
    kind, low, high, inbox_of = row[8:]
    return routed(
        event,
        committed_ms=int(event.time.timestamp() * 1000),
        conversation_kind=kind,
        pair=None if low is None else (low, high),
        inbox_of=inbox_of,
    )
