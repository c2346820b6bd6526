"""Whether what a message answers may be answered by its sender."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.domain.message import Draft
from services.api.store.arrays import plain_array, text_array
from services.api.store.database import Database


async def misdirected(database: Database, drafts: Sequence[Draft]) -> set[int]:
    """Indexes of drafts that answer something that is no message, or that the sender may not see.

    Asked before messages are stored, and only if some of them are replies: a message that was seen
    once never stops being one. Who is not a member, and who tries again what was stored, is left to
    the statement that stores. Raises StoreError.
    """
    replies = [index for index, one in enumerate(drafts) if one.reply_to]
    rows = await database.fetch_all(
        """
        SELECT i.ord FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[])
            WITH ORDINALITY AS i (conversation_id, sender_id, client_msg_id, reply_to, ord)
        JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.sender_id
        WHERE NOT EXISTS (
            SELECT FROM events e
            WHERE e.conversation_id = i.conversation_id AND e.seq = i.reply_to
                AND e.kind = 'message' AND e.seq >= m.first_seq
        ) AND NOT EXISTS (
            SELECT FROM sends s
            WHERE s.sender_id = i.sender_id AND s.client_msg_id = i.client_msg_id
        )
        """,
        (
            plain_array(drafts[index].conversation for index in replies),
            plain_array(drafts[index].sender for index in replies),
            text_array(drafts[index].client_msg_id for index in replies),
            plain_array(drafts[index].reply_to for index in replies),
        ),
    )
    return {replies[row[0] - 1] for row in rows}
