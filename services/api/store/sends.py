"""Sending: messages become events, once each, many in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from services.api.domain.message import Draft
from services.api.store.arrays import plain_array, text_array
from services.api.store.companions import completed, has_companions, write_companions
from services.api.store.database import Database, Prepared, Row
from services.api.store.errors import AlreadyThere, WriteConflict
from services.api.store.refusals import NOT_A_MEMBER, why
from shared.codes import ErrorCode
from shared.entries import RoutedEvent
from shared.events import EventKind
from shared.frames import Event, encode
from shared.internal import Appended, NotAppended

SendResult = Appended | NotAppended

# Locks in the order of ids, or two batches would deadlock.
_LOCK: Final = Prepared(
    "lock_conversations",
    """
    PREPARE lock_conversations(uuid[]) AS
    SELECT FROM conversations WHERE id = ANY($1) ORDER BY id FOR UPDATE
    """,
)

# Runs with a snapshot taken after the locks, so that head_seq is the latest. LATERAL … OFFSET 0
# makes each lookup a walk down an index: the plan is kept for long, and must not be one that suited
# tables that were still empty. Rows of the answer:
#   0, outbox id, 0, NULL, NULL, time of all new events
#   n, seq, number, pair's low, pair's high, NULL       the n-th message was stored
#   -n, seq, number, conversation, NULL, time           it had been before
# A message without a row has a sender who may not send there.
_APPEND: Final = Prepared(
    "append_messages",
    """
    PREPARE append_messages(uuid[], uuid[], text[], text[], int[]) AS
    WITH input AS MATERIALIZED (
        SELECT * FROM unnest($1, $2, $3, $4, $5)
            WITH ORDINALITY AS i (conversation_id, sender_id, client_msg_id, body, counts, ord)
    ), known AS MATERIALIZED (
        SELECT i.ord, s.conversation_id, s.seq
        FROM input i, LATERAL (
            SELECT s.conversation_id, s.seq FROM sends s
            WHERE s.sender_id = i.sender_id AND s.client_msg_id = i.client_msg_id OFFSET 0
        ) s
    ), fresh AS MATERIALIZED (
        SELECT i.*, c.low_id, c.high_id,
            c.head_seq + row_number() OVER turn AS seq,
            c.number + sum(i.counts) OVER turn AS number
        FROM input i, LATERAL (
            SELECT c.head_seq, c.number, c.low_id, c.high_id, c.posting FROM conversations c
            WHERE c.id = i.conversation_id AND c.kind <> 'inbox' AND c.frozen_at IS NULL OFFSET 0
        ) c, LATERAL (
            SELECT FROM members m
            WHERE m.conversation_id = i.conversation_id AND m.user_id = i.sender_id
                AND m.left_seq IS NULL AND NOT m.shut
                AND (c.posting = 'all' OR c.posting = 'admins' AND m.role <> 'member')
                AND (m.silenced_until IS NULL OR m.silenced_until < clock_timestamp()) OFFSET 0
        ) m
        WHERE NOT EXISTS (SELECT FROM known k WHERE k.ord = i.ord)
        WINDOW turn AS (PARTITION BY i.conversation_id ORDER BY i.ord)
    ), clock AS MATERIALIZED (
        SELECT clock_timestamp() AS now
    ), stored AS (
        INSERT INTO events
            (conversation_id, seq, number, kind, sender_id, created_at, client_msg_id, body)
        SELECT conversation_id, seq, number, 'message', sender_id, clock.now, client_msg_id, body
        FROM fresh, clock
    ), kept AS (
        INSERT INTO sends (sender_id, client_msg_id, conversation_id, seq)
        SELECT sender_id, client_msg_id, conversation_id, seq FROM fresh
    ), moved AS (
        UPDATE conversations c
        SET head_seq = f.last_seq, number = f.number, updated_xid = pg_current_xact_id()
        FROM (
            SELECT conversation_id, min(seq) AS first_seq, max(seq) AS last_seq,
                max(number) AS number
            FROM fresh GROUP BY conversation_id
        ) f
        WHERE c.id = f.conversation_id
        RETURNING c.id, f.first_seq, f.last_seq
    ), noted AS (
        INSERT INTO outbox (conversations, first_seqs, last_seqs)
        SELECT array_agg(id), array_agg(first_seq), array_agg(last_seq)
        FROM moved HAVING count(*) > 0
        RETURNING id
    )
    SELECT 0, noted.id, 0, NULL, NULL, clock.now FROM noted, clock
    UNION ALL
    SELECT ord, seq, number, low_id::text, high_id::text, NULL FROM fresh
    UNION ALL
    SELECT -k.ord, k.seq, e.number, k.conversation_id::text, NULL, e.created_at
    FROM known k, LATERAL (
        SELECT e.number, e.created_at FROM events e
        WHERE e.conversation_id = k.conversation_id AND e.seq = k.seq OFFSET 0
    ) e
    """,
)

_SEND: Final = "EXECUTE lock_conversations(%s); EXECUTE append_messages(%s, %s, %s, %s, %s)"


@dataclass(slots=True)
class Batch:
    """What became of some messages, and what must be published."""

    results: list[SendResult]  # in the order of the drafts
    events: list[RoutedEvent] = field(
        default_factory=list
    )  # new ones, each conversation's in order
    outbox_ids: list[int] = field(default_factory=list)


class Sends:
    """Stores messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, drafts: Sequence[Draft]) -> Batch:
        """Store messages in one transaction; those that had been stored get their old place.

        Raises :class:`StoreError` when the outcome is unknown or nothing was stored.
        """
        drafts, refused = await completed(self._database, drafts)
        if not refused:
            return await self._explained(drafts)
        rest = [one for index, one in enumerate(drafts) if index not in refused]
        batch = await self._explained(rest) if rest else Batch([])
        stored = iter(batch.results)
        batch.results = [
            refused[index] if index in refused else next(stored) for index in range(len(drafts))
        ]
        return batch

    async def _explained(self, drafts: Sequence[Draft]) -> Batch:
        batch = await self._append(drafts)
        missing = [index for index, one in enumerate(batch.results) if one is NOT_A_MEMBER]
        if missing:
            reasons = await why(self._database, [drafts[index] for index in missing])
            for index, reason in zip(missing, reasons, strict=True):
                batch.results[index] = reason
        return batch

    async def _append(self, drafts: Sequence[Draft]) -> Batch:
        firsts: dict[tuple[str, str], int] = {}
        for index, one in enumerate(drafts):
            firsts.setdefault((one.sender, one.client_msg_id), index)
        if len(firsts) == len(drafts):
            return await self._append_distinct(drafts)
        batch = await self._append_distinct([drafts[index] for index in firsts.values()])
        places = {key: place for place, key in enumerate(firsts)}
        results: list[SendResult] = []
        for index, one in enumerate(drafts):
            key = (one.sender, one.client_msg_id)
            result = batch.results[places[key]]
            results.append(result if firsts[key] == index else _as_repeat(one, result))
        batch.results = results
        return batch

    async def _append_distinct(self, drafts: Sequence[Draft]) -> Batch:
        try:
            return await self._transaction(drafts)
        except (AlreadyThere, WriteConflict):
            # Another transaction stored one of them meanwhile, in another conversation: rolled
            # back as a whole. One by one, each finds what is there now.
            whole = Batch([])
            for one in drafts:
                single = await self._alone(one)
                whole.results += single.results
                whole.events += single.events
                whole.outbox_ids += single.outbox_ids
            return whole

    async def _alone(self, draft: Draft) -> Batch:
        try:
            return await self._transaction([draft])
        except (AlreadyThere, WriteConflict):
            return await self._transaction([draft])  # now the other one is visible

    async def _transaction(self, drafts: Sequence[Draft]) -> Batch:
        conversations = plain_array([one.conversation for one in drafts])
        values = (
            conversations,
            conversations,
            plain_array([one.sender for one in drafts]),
            text_array([one.client_msg_id for one in drafts]),
            text_array([one.body.decode() for one in drafts]),
            plain_array([0 if one.thread else 1 for one in drafts]),
        )
        statements = (_LOCK, _APPEND)
        if not any(map(has_companions, drafts)):
            return _read(drafts, await self._database.fetch_all(_SEND, values, prepared=statements))
        async with self._database.transaction(prepared=statements) as transaction:
            batch = _read(drafts, await transaction.fetch_all(_SEND, values))
            await write_companions(transaction, drafts, batch.results)
        return batch


def _read(drafts: Sequence[Draft], rows: list[Row]) -> Batch:
    results: list[SendResult | None] = [None] * len(drafts)
    batch = Batch([])
    now: datetime | None = None
    committed_ms = time.time_ns() // 1_000_000
    for place, seq, number, first, second, at in rows:
        if place == 0:  # the first row, if anything is new
            batch.outbox_ids.append(seq)
            now = at
        elif place > 0:
            assert now is not None
            one = drafts[place - 1]
            results[place - 1] = Appended(one.conversation, seq, number, now)
            event = Event(
                conversation=one.conversation,
                seq=seq,
                kind=EventKind.MESSAGE,
                sender=one.sender,
                time=now,
                number=number,
                body=msgspec.Raw(one.body),
                client_msg_id=one.client_msg_id,
            )
            pair = None if first is None else (first, second)
            batch.events.append(
                RoutedEvent(
                    one.conversation, seq, encode(event), committed_ms, one.origin, one.trace, pair
                )
            )
        else:
            known = Appended(first, seq, number, at, repeat=True)
            results[-place - 1] = _as_repeat(drafts[-place - 1], known)
    batch.results = [NOT_A_MEMBER if result is None else result for result in results]
    return batch


def _as_repeat(draft: Draft, first: SendResult) -> SendResult:
    if isinstance(first, NotAppended):
        return first
    if first.conversation != draft.conversation:
        return NotAppended(
            ErrorCode.REUSED_CLIENT_MSG_ID,
            "This id belongs to a message in another conversation.",
            "id",
        )
    return Appended(first.conversation, first.seq, first.number, first.time, repeat=True)
