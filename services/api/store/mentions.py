"""Who is mentioned in messages: found before they are stored, written with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from services.api.domain.mentions import ALL, candidates
from services.api.domain.message import Draft
from services.api.domain.roles import Deed, is_allowed
from services.api.store.arrays import plain_array, text_array
from services.api.store.database import Database, Transaction
from shared.events import ConversationKind, Role
from shared.ids import EVERYBODY
from shared.limits import MENTIONS_MAX

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Text:
    """A text that somebody is about to write in a conversation."""

    conversation: str
    sender: str
    text: str


async def mentioned(asker: Database | Transaction, texts: Sequence[Text]) -> list[list[str]]:
    """The users whom each text mentions, sorted; EVERYBODY stands for all. Raises StoreError."""
    places = [candidates(one.text) for one in texts]
    wanted = [
        (index, handle)
        for index, found in enumerate(places)
        for handle in dict.fromkeys(handle for handles in found for handle in handles)
    ]
    if not wanted:
        return [[] for _ in texts]
    known = await _members_among(asker, texts, wanted)
    all_by = {index for index, handle in wanted if handle == ALL}
    may_all = await _who_may_mention_all(asker, texts, all_by)
    result = []
    for index, found in enumerate(places):
        users = set()
        for handles in found:
            for handle in handles:
                if handle == ALL and index in may_all:
                    users.add(EVERYBODY)
                    break
                if (index, handle) in known:
                    users.add(known[index, handle])
                    break
        result.append(sorted(users))
    return result


async def with_mentions(
    database: Database, drafts: Sequence[Draft]
) -> tuple[list[Draft], set[int]]:
    """The drafts with whom they mention, and the indexes of those that mention too many.

    Asked before messages are stored, and only if some have an ``@``. Raises StoreError.
    """
    found = [index for index, one in enumerate(drafts) if b"@" in one.body and not one.plain]
    bodies: list[dict[str, Any]] = [msgspec.json.decode(drafts[index].body) for index in found]
    texts = [
        Text(drafts[index].conversation, drafts[index].sender, body["text"])
        for index, body in zip(found, bodies, strict=True)
    ]
    result, wrong = list(drafts), set()
    for index, body, users in zip(found, bodies, await mentioned(database, texts), strict=True):
        if len(users) > MENTIONS_MAX:
            wrong.add(index)
        elif users:
            body |= in_body(users)
            result[index] = msgspec.structs.replace(
                drafts[index], body=_encode(body), mentions=tuple(users)
            )
    return result, wrong


def in_body(users: Sequence[str]) -> dict[str, Any]:
    """What an event's body says of them."""
    people = [user for user in users if user != EVERYBODY]
    said: dict[str, Any] = {"mentions": people} if people else {}
    if len(people) < len(users):
        said["mention_all"] = True
    return said


async def write_mentions(
    transaction: Transaction, messages: Iterable[tuple[str, int, str, Sequence[str]]]
) -> None:
    """Keep (conversation, seq, sender, users) of messages that this transaction has stored."""
    rows = [(room, seq, sender, user) for room, seq, sender, users in messages for user in users]
    if rows:
        await transaction.execute(
            "INSERT INTO mentions (conversation_id, seq, sender_id, user_id)"
            " SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::uuid[], %s::uuid[])"
            " ON CONFLICT DO NOTHING",
            tuple(plain_array(row[index] for row in rows) for index in range(4)),
        )


async def forget_mentions(transaction: Transaction, conversation: str, seq: int) -> None:
    """The message mentions nobody any more."""
    await transaction.execute(
        "DELETE FROM mentions WHERE conversation_id = %s AND seq = %s", (conversation, seq)
    )


async def _members_among(
    asker: Database | Transaction, texts: Sequence[Text], wanted: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], str]:
    rows = await asker.fetch_all(
        """
        SELECT i.place, i.handle, u.id::text
        FROM unnest(%s::int[], %s::uuid[], %s::text[]) AS i (place, conversation_id, handle),
        LATERAL (SELECT u.id FROM users u WHERE u.handle = i.handle OFFSET 0) u,
        LATERAL (
            SELECT FROM members m
            WHERE m.conversation_id = i.conversation_id AND m.user_id = u.id
                AND m.left_seq IS NULL OFFSET 0
        ) m
        """,
        (
            plain_array(index for index, _ in wanted),
            plain_array(texts[index].conversation for index, _ in wanted),
            text_array(handle for _, handle in wanted),
        ),
    )
    return {(place, handle): user for place, handle, user in rows}


async def _who_may_mention_all(
    asker: Database | Transaction, texts: Sequence[Text], indexes: set[int]
) -> set[int]:
    """Indexes of texts whose senders may mention everybody; for others it is a word."""
    if not indexes:
        return set()
    order = sorted(indexes)
    rows = await asker.fetch_all(
        """
        SELECT i.place, m.role
        FROM unnest(%s::int[], %s::uuid[], %s::uuid[]) AS i (place, conversation_id, user_id)
        JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.user_id
            AND m.left_seq IS NULL
        JOIN conversations c ON c.id = m.conversation_id AND c.kind = %s
        """,
        (
            plain_array(order),
            plain_array(texts[index].conversation for index in order),
            plain_array(texts[index].sender for index in order),
            ConversationKind.GROUP.value,
        ),
    )
    return {place for place, role in rows if is_allowed(Role(role), Deed.MENTION_ALL)}
