"""Searching messages: candidates by their signatures, then what they say now.

Whatever the history's length, a question costs a few index walks per conversation of the asker, a
thousandth of a millisecond for each 32 messages, and the reading of as many messages as are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.api.domain.fulltext import Match, Query, matched
from services.api.domain.signature import BLOCK, condition
from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database, Row
from shared.ids import EVERYBODY
from shared.limits import SEARCH_POOL

CANDIDATES: Final = 100  # messages read at a time
EXTRA: Final = 64
ROUNDS_MAX: Final = 10  # a page may be short then, never slow
TAIL_MAX: Final = 500  # newest messages of a conversation that have no signature yet

FILE_TOKEN: Final = "\0file"  # noqa: S105 - of a text


def sender_token(user: str) -> str:
    """By which the messages of somebody are found."""
    return f"\0from {user}"


def mention_token(user: str) -> str:
    """By which the messages that mention somebody are found."""
    return f"\0to {user}"


class Place(Struct, frozen=True, array_like=True):
    """A message's place in the order of time, the newest first."""

    micros: int = 2**62
    conversation: str = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Filters:
    """Which messages count at all. Empty: all that the asker may see."""

    sender: str = ""
    conversation: str = ""
    before: datetime | None = None
    after: datetime | None = None
    has_file: bool = False
    mentions_me: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found, as it is now."""

    place: Place
    conversation: str
    seq: int
    sender: str
    time: datetime
    text: str
    version: int
    attachments: list[dict[str, Any]]
    match: Match


class Search:
    """Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(
        self, user: str, query: Query, filters: Filters, start: Place, limit: int
    ) -> tuple[list[Hit], Place | None]:
        """The newest ``limit`` messages older than ``start`` that have what is looked for, and
        where to go on; None: there are no more. There may be more although they are fewer."""
        hits: list[Hit] = []
        statement, values = _statement(user, query, filters)
        for _ in range(ROUNDS_MAX):
            rows = await self._database.fetch_all(
                statement,
                values | {"micros": start.micros, "room": start.conversation, "seq": start.seq},
            )
            found = [row[1:] for row in rows if row[1] is not None]
            for row in found:
                start = Place(row[0], row[1], row[2])
                hit = _hit(row, query)
                if hit is not None:
                    hits.append(hit)
                    if len(hits) == limit:
                        return hits, start
            if len(found) < CANDIDATES:
                frontier = rows[0][0]
                if frontier is None:
                    return hits, None
                start = Place(frontier + 1, LOWEST_ID)
        return hits, start

    async def pool(self, user: str, query: Query, filters: Filters, start: Place) -> list[Hit]:
        """The newest messages with what is looked for, from which the best are chosen."""
        hits, _ = await self.newest(user, query, filters, start, SEARCH_POOL)
        return hits


def _statement(user: str, query: Query, filters: Filters) -> tuple[str, dict[str, Any]]:
    keys: list[Sequence[str]] = [[key] for term in query.terms for key in sorted(term.keys)]
    if filters.sender:
        keys.append([sender_token(filters.sender)])
    if filters.has_file:
        keys.append([FILE_TOKEN])
    if filters.mentions_me:
        keys.append([mention_token(user), mention_token(EVERYBODY)])
    values = {
        "user": user,
        "in": filters.conversation or None,
        "sender": filters.sender or None,
        "before": _micros(filters.before, 2**62),
        "after": _micros(filters.after, -1),
        "has_file": filters.has_file,
        "mentions_me": filters.mentions_me,
        "everybody": EVERYBODY,
        "tail": TAIL_MAX,
        "candidates": CANDIDATES,
    }
    return _SQL.replace("{mask}", condition(keys, "b.bits")), values


def _micros(time: datetime | None, otherwise: int) -> int:
    return otherwise if time is None else round(time.timestamp() * 1_000_000)


# Newest first, in the order of Place. Of the rows with candidates, the newest are opened: one for
# each conversation and EXTRA more. All that is newer than the newest of the others is complete
# then; that is the frontier, from which the next round goes on; NULL: there are no others. OFFSET 0
# keeps each lookup a walk down an index. What the signatures let through is looked at again: the
# sender, the files and mentions here, the words by the caller.
_SQL: Final = f"""
WITH mine AS MATERIALIZED (
    SELECT m.conversation_id AS id, m.first_seq, c.head_seq, coalesce(b.upto_seq, 0) AS upto_seq
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    LEFT JOIN LATERAL (
        SELECT b.upto_seq FROM search_blocks b WHERE b.conversation_id = m.conversation_id
        ORDER BY b.block DESC LIMIT 1
    ) b ON true
    WHERE m.user_id = %(user)s AND m.left_seq IS NULL AND c.kind <> 'inbox'
        AND (%(in)s::uuid IS NULL OR m.conversation_id = %(in)s::uuid)
), blocks AS MATERIALIZED (
    SELECT n.id, n.first_seq, b.block, b.times, b.last_us, b.mask FROM mine n, LATERAL (
        SELECT b.block, b.times, b.last_us,
            CASE WHEN b.bits IS NULL THEN -1 ELSE {{mask}} END AS mask
        FROM search_blocks b
        WHERE b.conversation_id = n.id AND b.block >= n.first_seq / {BLOCK}
            AND b.first_us <= least(%(micros)s, %(before)s) AND b.last_us > %(after)s OFFSET 0
    ) b WHERE b.mask <> 0
), recent AS MATERIALIZED (
    SELECT * FROM blocks ORDER BY last_us DESC LIMIT (SELECT count(*) + {EXTRA} FROM mine)
), frontier AS MATERIALIZED (
    SELECT CASE WHEN (SELECT count(*) FROM blocks) > count(*) THEN min(last_us) END AS micros
    FROM recent
), candidates AS MATERIALIZED (
    SELECT * FROM (
        SELECT t.micros, b.id, b.block * {BLOCK} + t.place - 1 AS seq
        FROM recent b, unnest(b.times) WITH ORDINALITY AS t (micros, place)
        WHERE (b.mask >> (t.place - 1)::int) & 1 = 1 AND t.micros > 0
            AND b.block * {BLOCK} + t.place - 1 >= b.first_seq
        UNION ALL
        SELECT (extract(epoch FROM e.created_at) * 1000000)::bigint, n.id, e.seq
        FROM mine n, LATERAL (
            SELECT e.created_at, e.seq FROM events e
            WHERE e.conversation_id = n.id AND e.seq > n.upto_seq AND e.seq >= n.first_seq
                AND e.kind = 'message'
            ORDER BY e.seq DESC LIMIT %(tail)s
        ) e
        WHERE n.upto_seq < n.head_seq
    ) c
    WHERE (c.micros, c.id, c.seq) < (%(micros)s, %(room)s::uuid, %(seq)s)
        AND c.micros < %(before)s AND c.micros > %(after)s
        AND c.micros > coalesce((SELECT f.micros FROM frontier f), -1)
    ORDER BY c.micros DESC, c.id DESC, c.seq DESC LIMIT %(candidates)s
)
SELECT f.micros, c.micros, c.id::text, c.seq, e.sender_id::text, e.created_at, e.body,
    v.version, v.text,
    (%(sender)s::uuid IS NULL OR e.sender_id = %(sender)s::uuid)
    AND NOT EXISTS (SELECT FROM recalls r WHERE r.conversation_id = c.id AND r.seq = c.seq)
    AND (NOT %(has_file)s OR EXISTS (
        SELECT FROM attachments a WHERE a.conversation_id = c.id AND a.seq = c.seq
    ))
    AND (NOT %(mentions_me)s OR EXISTS (
        SELECT FROM mentions o WHERE o.conversation_id = c.id AND o.seq = c.seq
            AND o.user_id IN (%(user)s, %(everybody)s)
    ))
FROM frontier f LEFT JOIN candidates c ON true
LEFT JOIN LATERAL (
    SELECT e.sender_id, e.created_at, e.body FROM events e
    WHERE e.conversation_id = c.id AND e.seq = c.seq OFFSET 0
) e ON true
LEFT JOIN LATERAL (
    SELECT v.version, v.text FROM message_versions v
    WHERE v.conversation_id = c.id AND v.seq = c.seq ORDER BY v.version DESC LIMIT 1
) v ON true
ORDER BY c.micros DESC, c.id DESC, c.seq DESC
"""  # noqa: S608 - a constant


def _hit(row: Row, query: Query) -> Hit | None:
    micros, conversation, seq, sender, time, raw, version, text, fits = row
    if not fits:
        return None
    body: dict[str, Any] = msgspec.json.decode(raw)
    present = body["text"] if text is None else text
    match = matched(query, present)
    if match is None:
        return None
    return Hit(
        place=Place(micros, conversation, seq),
        conversation=conversation,
        seq=seq,
        sender=sender,
        time=time,
        text=present,
        version=version or 1,
        attachments=body.get("attachments", []),
        match=match,
    )
