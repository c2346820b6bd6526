"""Why a message was not stored: asked afterwards, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.api.domain.message import Draft
from services.api.store.arrays import plain_array
from services.api.store.database import Database
from shared.codes import ErrorCode
from shared.events import Role
from shared.internal import NotAppended

NOT_A_MEMBER: Final = NotAppended(
    ErrorCode.NOT_FOUND, "There is no such conversation, or you are not in it.", "conversation"
)
_FROZEN: Final = NotAppended(
    ErrorCode.FORBIDDEN, "Who runs the server has closed this conversation for writing.",
    "conversation",
)  # fmt: skip
_ANNOUNCEMENTS: Final = NotAppended(
    ErrorCode.FORBIDDEN, "Only the owner and admins write here.", "conversation"
)
_SILENCED: Final = NotAppended(
    ErrorCode.FORBIDDEN, "You may not write here for a while.", "conversation"
)
# Whether the other one has blocked the sender, is theirs to know: services.api.store.reach.
_NOT_TAKEN: Final = NotAppended(
    ErrorCode.FORBIDDEN, "This person does not take messages from you.", "conversation"
)
_BLOCKED: Final = NotAppended(
    ErrorCode.CONFLICT, "You have blocked them: unblock them first.", "conversation"
)


async def why(database: Database, drafts: Sequence[Draft]) -> list[NotAppended]:
    """For messages that their senders may not write. Raises StoreError."""
    rows = await database.fetch_all(
        """
        SELECT i.ord, c.frozen_at IS NOT NULL, c.posting, m.role,
            coalesce(m.silenced_until > clock_timestamp(), false), m.shut,
            m.shut AND EXISTS (
                SELECT FROM blocks b WHERE b.user_id = m.user_id
                    AND b.blocked_id IN (c.low_id, c.high_id))
        FROM unnest(%s::uuid[], %s::uuid[])
            WITH ORDINALITY AS i (conversation_id, user_id, ord)
        JOIN members m ON m.conversation_id = i.conversation_id AND m.user_id = i.user_id
            AND m.left_seq IS NULL
        JOIN conversations c ON c.id = m.conversation_id AND c.kind <> 'inbox'
        """,
        (
            plain_array(one.conversation for one in drafts),
            plain_array(one.sender for one in drafts),
        ),
    )
    reasons = [NOT_A_MEMBER] * len(drafts)
    for place, frozen, posting, role, silenced, shut, by_oneself in rows:
        if frozen:
            reasons[place - 1] = _FROZEN
        elif shut:
            reasons[place - 1] = _BLOCKED if by_oneself else _NOT_TAKEN
        elif silenced:
            reasons[place - 1] = _SILENCED
        elif posting == "admins" and role == Role.MEMBER:
            reasons[place - 1] = _ANNOUNCEMENTS
    return reasons
