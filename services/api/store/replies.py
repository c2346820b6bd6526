"""Whether what a message answers may be answered by its sender."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.domain.message import Draft
from services.api.store.arrays import plain_array, text_array
from services.api.store.database import Database


async def misdirected(database: Database, drafts: Sequence[Draft]) -> tuple[set[int], set[int]]:
    """Indexes of drafts that answer what is no message, or what the sender may not see; and of
    those whose thread begins with such, or with a reply in another thread.

    Asked before messages are stored, and only if some of them are replies: a message that was seen
    once never stops being one. Who is not a member (any more: they must not learn what is a message
    there now), and who tries again what was stored, is left to the statement that stores. Raises
    StoreError.
    """
    asked = [index for index, one in enumerate(drafts) if one.reply_to or one.thread]
    rows = await database.fetch_all(
        """
        SELECT i.ord,
            i.reply_to > 0 AND NOT EXISTS (
                SELECT FROM events e
                WHERE e.conversation_id = i.conversation_id AND e.seq = i.reply_to
                    AND e.kind = 'message' AND e.seq >= m.first_seq
            ),
            i.thread > 0 AND NOT EXISTS (
                SELECT FROM events e
                WHERE e.conversation_id = i.conversation_id AND e.seq = i.thread
                    AND e.kind = 'message' AND e.seq >= m.first_seq
                    AND e.body::jsonb -> 'thread' IS NULL
            )
        FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[])
            WITH ORDINALITY AS i (conversation_id, sender_id, client_msg_id, reply_to, thread, ord)
        JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.sender_id
            AND m.left_seq IS NULL
        WHERE NOT EXISTS (
            SELECT FROM sends s
            WHERE s.sender_id = i.sender_id AND s.client_msg_id = i.client_msg_id
        )
        """,
        (
            plain_array(drafts[index].conversation for index in asked),
            plain_array(drafts[index].sender for index in asked),
            text_array(drafts[index].client_msg_id for index in asked),
            plain_array(drafts[index].reply_to for index in asked),
            plain_array(drafts[index].thread for index in asked),
        ),
    )
    replies = {asked[place - 1] for place, wrong, _ in rows if wrong}
    return replies, {asked[place - 1] for place, _, wrong in rows if wrong}
