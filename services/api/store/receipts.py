"""How far members have got and read: marks that only move forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.store.arrays import plain_array
from services.api.store.database import Database, Prepared
from shared.codes import ErrorCode
from shared.entries import ReceiptSignal
from shared.ids import is_id
from shared.internal import NotAppended, ReceiptMark
from shared.limits import RECEIPTS_MAX_MEMBERS

# Locks in the order of the input, which is that of the key, as everywhere. LATERAL … OFFSET 0 as in
# sends.py: the plan is kept for long, and must not be one that suited tables that were still empty.
_LOCK: Final = Prepared(
    "lock_members",
    """
    PREPARE lock_members(uuid[], uuid[]) AS
    SELECT FROM unnest($1, $2) AS i (conversation_id, user_id), LATERAL (
        SELECT FROM members m
        WHERE m.conversation_id = i.conversation_id AND m.user_id = i.user_id
        OFFSET 0 FOR NO KEY UPDATE
    ) m
    """,
)

# `m` has the state after the locks, so that its place (ctid) holds; who did not move is not
# written again.
_MOVE: Final = Prepared(
    "move_marks",
    f"""
    PREPARE move_marks(uuid[], uuid[], bigint[], bigint[]) AS
    WITH state AS MATERIALIZED (
        SELECT i.ord, i.conversation_id, i.user_id, m.place, m.receipts_private,
            c.member_count BETWEEN 2 AND {RECEIPTS_MAX_MEMBERS} AS shown,
            greatest(i.delivered, i.read) <= c.head_seq AS possible,
            m.delivered_seq AS old_delivered, m.read_seq AS old_read,
            greatest(m.delivered_seq, i.delivered, i.read) AS delivered,
            greatest(m.read_seq, i.read) AS read
        FROM unnest($1, $2, $3, $4)
            WITH ORDINALITY AS i (conversation_id, user_id, delivered, read, ord),
        LATERAL (
            SELECT m.ctid AS place, m.receipts_private, m.delivered_seq, m.read_seq FROM members m
            WHERE m.conversation_id = i.conversation_id AND m.user_id = i.user_id
                AND m.left_seq IS NULL OFFSET 0
        ) m, LATERAL (
            SELECT c.head_seq, c.member_count FROM conversations c
            WHERE c.id = i.conversation_id OFFSET 0
        ) c
    ), moved AS (
        UPDATE members m
        SET delivered_seq = s.delivered, read_seq = s.read,
            read_number = CASE WHEN s.read = s.old_read THEN m.read_number ELSE (
                SELECT e.number FROM events e
                WHERE e.conversation_id = s.conversation_id AND e.seq = s.read
            ) END,
            updated_xid = pg_current_xact_id()
        FROM state s
        WHERE m.ctid = s.place AND s.possible
            AND (s.delivered > s.old_delivered OR s.read > s.old_read)
    ), timed AS (
        INSERT INTO mark_times (conversation_id, user_id, delivered_seq, read_seq, at)
        SELECT s.conversation_id, s.user_id, s.delivered, s.read, clock_timestamp()
        FROM state s
        WHERE s.shown AND s.possible AND (s.delivered > s.old_delivered OR s.read > s.old_read)
        ON CONFLICT DO NOTHING
    )
    SELECT ord, possible, delivered, read,
        shown AND possible AND (delivered > old_delivered OR read > old_read), receipts_private,
        CASE WHEN shown THEN ARRAY(
            SELECT b.user_id::text FROM members b
            WHERE b.conversation_id = state.conversation_id AND b.receipts_private
                AND b.left_seq IS NULL
        ) END
    FROM state
    """,  # noqa: S608 - a constant
)

_LOCK_AND_MOVE: Final = "EXECUTE lock_members(%s, %s); EXECUTE move_marks(%s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of some marks."""

    results: list[NotAppended | None]  # in their order
    signals: list[ReceiptSignal]  # to be shown to others


class Receipts:
    """The marks in table ``members``. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def move(self, marks: Sequence[ReceiptMark]) -> Moved:
        """Move marks forward; several for the same member and conversation count as one."""
        results: list[NotAppended | None] = [_NOT_A_MEMBER] * len(marks)
        folded: dict[tuple[str, str], tuple[int, int]] = {}
        for mark in marks:
            if is_id(mark.user) and is_id(mark.conversation):
                key = (mark.conversation, mark.user)
                before = folded.get(key, (0, 0))
                folded[key] = (max(before[0], mark.delivered), max(before[1], mark.read))
        if not folded:
            return Moved(results, [])
        keys = sorted(folded)
        conversations = plain_array(conversation for conversation, _ in keys)
        users = plain_array(user for _, user in keys)
        delivered = plain_array(folded[key][0] for key in keys)
        read = plain_array(folded[key][1] for key in keys)
        rows = await self._database.fetch_all(
            _LOCK_AND_MOVE,
            (conversations, users, conversations, users, delivered, read),
            prepared=(_LOCK, _MOVE),
        )
        outcomes: dict[tuple[str, str], NotAppended | None] = {}
        signals = []
        for place, possible, delivered_seq, read_seq, moved, private, blind in rows:
            conversation, user = keys[place - 1]
            outcomes[conversation, user] = None if possible else _BEYOND_HEAD
            if moved:
                signals.append(
                    ReceiptSignal(conversation, user, delivered_seq, read_seq, private, blind)
                )
        for index, mark in enumerate(marks):
            key = (mark.conversation, mark.user)
            results[index] = outcomes.get(key, _NOT_A_MEMBER)
        return Moved(results, signals)


_NOT_A_MEMBER: Final = NotAppended(
    ErrorCode.NOT_FOUND, "There is no such conversation, or you are not in it.", "conversation"
)
_BEYOND_HEAD: Final = NotAppended(
    ErrorCode.INVALID, "The conversation has no event with that number yet.", "seq"
)
