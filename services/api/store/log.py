"""Writing system events into conversations' logs, inside a transaction.

Messages have a faster way of their own, :mod:`services.api.store.sends`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from services.api.domain.routing import routed
from services.api.store.database import Row, Transaction
from shared.entries import RoutedEvent
from shared.events import EventKind
from shared.frames import Event


@dataclass(slots=True)
class Locked:
    """A conversation whose row this transaction has locked."""

    id: str
    kind: str
    name: str
    head_seq: int
    number: int
    member_count: int
    pair: tuple[str, str] | None = None
    inbox_of: str | None = None
    posting: str = "all"
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written; ``body`` by :class:`~shared.events.EventKind`."""

    conversation: str
    kind: EventKind
    sender: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Written:
    """What a transaction has added to logs: to be published after its commit."""

    events: list[RoutedEvent] = field(default_factory=list)
    outbox_ids: list[int] = field(default_factory=list)


async def lock(transaction: Transaction, conversations: Iterable[str]) -> dict[str, Locked]:
    """Lock conversations, in the order of their ids as everywhere; unknown ones are left out."""
    rows = await transaction.fetch_all(
        """
        SELECT id::text, kind, name, head_seq, number, member_count,
            low_id::text, high_id::text, inbox_of::text, posting, frozen_at IS NOT NULL
        FROM conversations WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE
        """,
        (list(conversations),),
    )
    return {row[0]: _locked(row) for row in rows}


def _locked(row: Row) -> Locked:
    pair = (row[6], row[7]) if row[6] is not None else None
    locked: Locked = Locked(*(*row[:6], pair, *row[8:]))
    return locked


async def write(
    transaction: Transaction,
    locked: Mapping[str, Locked],
    events: Sequence[NewEvent],
    trace: str = "",
) -> Written:
    """Append events to locked conversations, with a row for the outbox."""
    firsts: dict[str, int] = {}
    seqs = []
    for event in events:
        conversation = locked[event.conversation]
        conversation.head_seq += 1
        seqs.append(conversation.head_seq)
        firsts.setdefault(event.conversation, conversation.head_seq)
    bodies = [msgspec.json.encode(event.body) for event in events]
    row = await transaction.fetch_one(
        """
        WITH clock AS MATERIALIZED (
            SELECT clock_timestamp() AS now
        ), stored AS (
            INSERT INTO events (conversation_id, seq, number, kind, sender_id, created_at, body)
            SELECT i.conversation_id, i.seq, i.number, i.kind, i.sender_id, clock.now, b.body
            FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::uuid[])
                WITH ORDINALITY AS i (conversation_id, seq, number, kind, sender_id, ord),
                clock,
                unnest(%s::text[]) WITH ORDINALITY AS b (body, ord)
            WHERE b.ord = i.ord
        ), moved AS (
            UPDATE conversations c SET head_seq = h.seq, updated_xid = pg_current_xact_id()
            FROM unnest(%s::uuid[], %s::bigint[]) AS h (id, seq) WHERE c.id = h.id
        ), noted AS (
            INSERT INTO outbox (conversations, first_seqs, last_seqs)
            VALUES (%s::uuid[], %s::bigint[], %s::bigint[]) RETURNING id
        )
        SELECT noted.id, clock.now FROM noted, clock
        """,
        (
            [event.conversation for event in events],
            seqs,
            [locked[event.conversation].number for event in events],
            [event.kind.value for event in events],
            [event.sender for event in events],
            [body.decode() for body in bodies],
            list(firsts),
            [locked[conversation].head_seq for conversation in firsts],
            list(firsts),
            list(firsts.values()),
            [locked[conversation].head_seq for conversation in firsts],
        ),
    )
    assert row is not None
    written = Written(outbox_ids=[row[0]])
    for event, seq, body in zip(events, seqs, bodies, strict=True):
        conversation = locked[event.conversation]
        frame = Event(
            conversation=event.conversation,
            seq=seq,
            kind=event.kind.value,
            sender=event.sender,
            time=row[1],
            number=conversation.number,
            body=msgspec.Raw(body),
        )
        written.events.append(
            routed(
                frame,
                committed_ms=time.time_ns() // 1_000_000,
                conversation_kind=conversation.kind,
                pair=conversation.pair,
                inbox_of=conversation.inbox_of,
                trace=trace,
            )
        )
    return written
