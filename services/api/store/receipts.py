"""How far members have got and read: marks that only move forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.store.database import Database
from shared.codes import ErrorCode
from shared.entries import ReceiptSignal
from shared.ids import is_id
from shared.internal import NotAppended, ReceiptMark
from shared.limits import RECEIPTS_MAX_MEMBERS

# The first statement locks in the order of the key, as everywhere. `m` in the second has the
# state after the locks; who did not move is not written again.
_MOVE: Final = """
    SELECT FROM members m JOIN unnest(%(conversations)s::uuid[], %(users)s::uuid[])
        AS i (conversation_id, user_id) USING (conversation_id, user_id)
    ORDER BY m.conversation_id, m.user_id FOR NO KEY UPDATE OF m;
    WITH input AS MATERIALIZED (
        SELECT * FROM unnest(%(conversations)s::uuid[], %(users)s::uuid[],
            %(delivered)s::bigint[], %(read)s::bigint[])
            WITH ORDINALITY AS i (conversation_id, user_id, delivered, read, ord)
    ), state AS MATERIALIZED (
        SELECT i.ord, i.conversation_id, i.user_id, c.head_seq, c.member_count,
            greatest(i.delivered, i.read) <= c.head_seq AS possible,
            m.delivered_seq AS old_delivered, m.read_seq AS old_read,
            greatest(m.delivered_seq, i.delivered, i.read) AS delivered,
            greatest(m.read_seq, i.read) AS read
        FROM input i
        JOIN members m USING (conversation_id, user_id)
        JOIN conversations c ON c.id = i.conversation_id
        WHERE m.left_seq IS NULL
    ), moved AS (
        UPDATE members m
        SET delivered_seq = s.delivered, read_seq = s.read,
            read_number = CASE WHEN s.read = s.old_read THEN m.read_number ELSE (
                SELECT e.number FROM events e
                WHERE e.conversation_id = s.conversation_id AND e.seq = s.read
            ) END,
            updated_xid = pg_current_xact_id()
        FROM state s
        WHERE m.conversation_id = s.conversation_id AND m.user_id = s.user_id AND s.possible
            AND (s.delivered > s.old_delivered OR s.read > s.old_read)
    )
    SELECT ord, possible, delivered, read, member_count,
        possible AND (delivered > old_delivered OR read > old_read)
    FROM state
"""


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
                delivered, read = folded.get(key, (0, 0))
                folded[key] = (max(delivered, mark.delivered), max(read, mark.read))
        if not folded:
            return Moved(results, [])
        keys = list(folded)
        rows = await self._database.fetch_all(
            _MOVE,
            {
                "conversations": [key[0] for key in keys],
                "users": [key[1] for key in keys],
                "delivered": [folded[key][0] for key in keys],
                "read": [folded[key][1] for key in keys],
            },
        )
        outcomes: dict[tuple[str, str], NotAppended | None] = {}
        signals = []
        for place, possible, delivered, read, member_count, moved in rows:
            conversation, user = keys[place - 1]
            outcomes[conversation, user] = None if possible else _BEYOND_HEAD
            if moved and 1 < member_count <= RECEIPTS_MAX_MEMBERS:
                signals.append(ReceiptSignal(conversation, user, delivered, read))
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
