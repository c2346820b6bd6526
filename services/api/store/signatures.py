"""Table ``search_blocks``: made from what messages say, a conversation at a time."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from services.api.domain.fulltext import tokens
from services.api.domain.signature import BLOCK, signature
from services.api.store.database import Database, Row, Transaction
from services.api.store.search import FILE_TOKEN, mention_token, sender_token

BLOCKS_AT_ONCE: Final = 8  # so long a conversation's lock is held: a few milliseconds
PAGE: Final = 1000


class Signatures:
    """Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def behind(self, after: str, limit: int = PAGE) -> tuple[list[str], str]:
        """Of the next conversations above an id, those with something to do; and the last id."""
        rows = await self._database.fetch_all(
            """
            SELECT c.id::text, c.head_seq > coalesce((
                SELECT b.upto_seq FROM search_blocks b WHERE b.conversation_id = c.id
                ORDER BY b.block DESC LIMIT 1
            ), 0) OR EXISTS (
                SELECT FROM search_blocks b WHERE b.conversation_id = c.id AND b.bits IS NULL
            ), c.kind
            FROM conversations c WHERE c.id > %s ORDER BY c.id LIMIT %s
            """,
            (after, limit),
        )
        last = rows[-1][0] if len(rows) == limit else ""
        return [row[0] for row in rows if row[1] and row[2] != "inbox"], last

    async def seal(self, conversation: str) -> bool:
        """Bring some of a conversation's signatures up to date; whether there is more to do.

        The conversation is locked meanwhile, so that no edit comes between reading and writing; if
        somebody else has the lock, later.
        """
        async with self._database.transaction() as transaction:
            # What a crash undoes is made again; nobody waits for the disk with the lock in hand.
            row = await transaction.fetch_one(
                "SELECT set_config('synchronous_commit', 'off', true);"
                " SELECT head_seq FROM conversations WHERE id = %s AND kind <> 'inbox'"
                " FOR UPDATE SKIP LOCKED",
                (conversation,),
            )
            if row is None:
                return False
            blocks = await _due(transaction, conversation, row[0])
            for block in blocks[:BLOCKS_AT_ONCE]:
                await _make(transaction, conversation, block, row[0])
            return len(blocks) > BLOCKS_AT_ONCE


async def outdate(transaction: Transaction, conversation: str, seq: int) -> None:
    """A message says something else now."""
    await transaction.execute(
        "UPDATE search_blocks SET bits = NULL WHERE conversation_id = %s AND block = %s",
        (conversation, seq // BLOCK),
    )


async def _due(transaction: Transaction, conversation: str, head: int) -> list[int]:
    rows = await transaction.fetch_all(
        """
        (SELECT block, upto_seq, false FROM search_blocks WHERE conversation_id = %s
            ORDER BY block DESC LIMIT 1)
        UNION ALL
        SELECT block, upto_seq, true FROM search_blocks WHERE conversation_id = %s AND bits IS NULL
        """,
        (conversation, conversation),
    )
    upto = max((row[1] for row in rows), default=0)
    due = {row[0] for row in rows if row[2]}
    if upto < head:
        due.update(range((upto + 1) // BLOCK, min(head // BLOCK, upto // BLOCK + PAGE) + 1))
    return sorted(due)


async def _make(transaction: Transaction, conversation: str, block: int, head: int) -> None:
    first = block * BLOCK
    rows = await transaction.fetch_all(
        """
        SELECT e.seq, (extract(epoch FROM e.created_at) * 1000000)::bigint, e.sender_id::text,
            e.body, v.text, o.users
        FROM events e
        LEFT JOIN LATERAL (
            SELECT v.text FROM message_versions v
            WHERE v.conversation_id = e.conversation_id AND v.seq = e.seq
            ORDER BY v.version DESC LIMIT 1
        ) v ON true
        LEFT JOIN LATERAL (
            SELECT array_agg(o.user_id::text) AS users FROM mentions o
            WHERE o.conversation_id = e.conversation_id AND o.seq = e.seq
        ) o ON true
        WHERE e.conversation_id = %s AND e.seq >= %s AND e.seq < %s AND e.kind = 'message'
        """,
        (conversation, first, first + BLOCK),
    )
    times = [0] * BLOCK
    for row in rows:
        times[row[0] - first] = row[1]
    bits = signature({row[0] - first: tokens_of(row[2:]) for row in rows})
    await transaction.execute(
        """
        INSERT INTO search_blocks
            (conversation_id, block, upto_seq, times, first_us, last_us, bits)
        VALUES (%s, %s, %s, %s::bigint[], %s, %s, %s::int[])
        ON CONFLICT (conversation_id, block) DO UPDATE
        SET upto_seq = excluded.upto_seq, times = excluded.times, first_us = excluded.first_us,
            last_us = excluded.last_us, bits = excluded.bits
        """,
        (
            conversation, block, min(head, first + BLOCK - 1), times,
            min(filter(None, times), default=0), max(times), bits,
        ),
    )  # fmt: skip


def tokens_of(row: Row) -> frozenset[str]:
    """All by which a message can be found: (sender, body, present text, whom it mentions)."""
    sender, raw, text, mentioned = row
    body: dict[str, Any] = msgspec.json.decode(raw)
    found = set(tokens(body["text"] if text is None else text))
    found.add(sender_token(sender))
    if body.get("attachments"):
        found.add(FILE_TOKEN)
    found.update(map(mention_token, mentioned or ()))
    return frozenset(found)
