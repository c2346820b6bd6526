"""The files that messages carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.api.domain.message import Draft
from services.api.store.arrays import plain_array, text_array
from services.api.store.database import Database, Transaction
from services.api.store.files import FILE_COLUMNS, MAY_SEE, File, file_of, release

_encode: Final = msgspec.json.Encoder().encode


def description(file: File) -> dict[str, Any]:
    """What an event tells about a file."""
    told: dict[str, Any] = {
        "id": file.id, "name": file.name, "type": file.type, "size": file.size,
    }  # fmt: skip
    if file.width is not None:
        told |= {"width": file.width, "height": file.height}
    if file.thumbnail_size is not None:
        told |= {"thumbnail": True, "placeholder": file.placeholder}
    return told


async def described(
    database: Database, drafts: Sequence[Draft]
) -> tuple[list[Draft], frozenset[int]]:
    """The drafts with their attachments described in their bodies, and the indexes of those that
    attach what their sender may not.

    Asked before messages are stored, and only if some have attachments. Who tries again what was
    stored is left to the statement that stores. A file that is about to be collected counts as
    gone. Raises StoreError.
    """
    senders: dict[str, list[int]] = {}
    for index, one in enumerate(drafts):
        if one.attachments:
            senders.setdefault(one.sender, []).append(index)
    result, wrong = list(drafts), set()
    for sender, indexes in senders.items():
        wanted = {file for index in indexes for file in drafts[index].attachments}
        rows = await database.fetch_all(
            f"""
            SELECT {FILE_COLUMNS} FROM files f
            WHERE f.id = ANY(%(files)s::uuid[]) AND f.finished_at IS NOT NULL AND NOT f.doomed
                AND (f.kept_until IS NULL OR f.kept_until > now() + interval '1 minute')
                AND {MAY_SEE}
            """,  # noqa: S608 - constants
            {"files": list(wanted), "user": sender},
        )
        found = {row[0]: description(file_of(row)) for row in rows}
        for index in indexes:
            one = drafts[index]
            if found.keys() >= set(one.attachments):
                body: dict[str, Any] = msgspec.json.decode(one.body)
                body["attachments"] = [found[file] for file in one.attachments]
                result[index] = msgspec.structs.replace(one, body=_encode(body))
            else:
                wrong.add(index)
    return result, frozenset(wrong - await _repeats(database, drafts, wrong))


async def _repeats(database: Database, drafts: Sequence[Draft], indexes: set[int]) -> set[int]:
    if not indexes:
        return set()
    order = sorted(indexes)
    rows = await database.fetch_all(
        """
        SELECT i.ord FROM unnest(%s::uuid[], %s::text[])
            WITH ORDINALITY AS i (sender_id, client_msg_id, ord)
        JOIN sends s ON s.sender_id = i.sender_id AND s.client_msg_id = i.client_msg_id
        """,
        (
            plain_array([drafts[index].sender for index in order]),
            text_array([drafts[index].client_msg_id for index in order]),
        ),
    )
    return {order[row[0] - 1] for row in rows}


async def attach(
    transaction: Transaction, messages: Sequence[tuple[str, int, Sequence[str]]]
) -> None:
    """Note which files new messages carry: (conversation, seq, files)."""
    rows = [
        (conversation, seq, position, file)
        for conversation, seq, files in messages
        for position, file in enumerate(files)
    ]
    await transaction.execute(
        """
        WITH added AS (
            INSERT INTO attachments (conversation_id, seq, position, file_id)
            SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::int[], %s::uuid[])
        )
        UPDATE files SET kept_until = NULL WHERE id = ANY(%s::uuid[])
        """,
        (
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2] for row in rows],
            [row[3] for row in rows],
            # in one order everywhere, or two transactions could wait for each other
            sorted({row[3] for row in rows}),
        ),
    )


async def detach(transaction: Transaction, conversation: str, seq: int) -> None:
    """A message carries nothing any more."""
    rows = await transaction.fetch_all(
        "DELETE FROM attachments WHERE conversation_id = %s AND seq = %s RETURNING file_id::text",
        (conversation, seq),
    )
    if rows:
        await release(transaction, [row[0] for row in rows])
