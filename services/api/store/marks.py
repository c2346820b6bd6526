"""What members attach to messages: reactions and pins. Saying the same again changes nothing."""

from __future__ import annotations

from services.api.store.database import Database, Transaction
from services.api.store.log import NewEvent, Written, write
from services.api.store.messages import lock_message, must_not_be_silenced
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.limits import PINS_MAX, REACTIONS_MAX_DIFFERENT
from shared.problems import Problem


class Marks:
    """Tables ``reactions`` and ``pins``. Methods raise Problem, and StoreError; they return what
    was written, None when all was so already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def react(self, conversation: str, user: str, seq: int, emoji: str) -> Written | None:
        """Add a reaction to a message."""
        async with self._database.transaction() as transaction:
            locked, role, message = await lock_message(transaction, conversation, user, seq)
            _must_be_there(recalled=message.recalled)
            await must_not_be_silenced(transaction, locked[conversation], user, role, writing=False)
            added = await transaction.execute(
                "INSERT INTO reactions VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (conversation, seq, emoji, user, locked[conversation].head_seq + 1),
            )
            if not added:
                return None
            if await _different(transaction, conversation, seq) > REACTIONS_MAX_DIFFERENT:
                raise Problem(
                    ErrorCode.CONFLICT,
                    f"A message has at most {REACTIONS_MAX_DIFFERENT} different reactions.",
                )
            body = {"seq": seq, "emoji": emoji}
            event = NewEvent(conversation, EventKind.REACTION_ADDED, user, body)
            return await write(transaction, locked, [event])

    async def unreact(self, conversation: str, user: str, seq: int, emoji: str) -> Written | None:
        """Take one's own reaction back."""
        async with self._database.transaction() as transaction:
            locked, _, _ = await lock_message(transaction, conversation, user, seq)
            removed = await transaction.execute(
                "DELETE FROM reactions"
                " WHERE conversation_id = %s AND seq = %s AND emoji = %s AND user_id = %s",
                (conversation, seq, emoji, user),
            )
            if not removed:
                return None
            body = {"seq": seq, "emoji": emoji}
            event = NewEvent(conversation, EventKind.REACTION_REMOVED, user, body)
            return await write(transaction, locked, [event])

    async def pin(self, conversation: str, user: str, seq: int) -> Written | None:
        """Pin a message for all; every member may."""
        async with self._database.transaction() as transaction:
            locked, role, message = await lock_message(transaction, conversation, user, seq)
            _must_be_there(recalled=message.recalled)
            await must_not_be_silenced(transaction, locked[conversation], user, role, writing=True)
            added = await transaction.execute(
                "INSERT INTO pins VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (conversation, seq, user),
            )
            if not added:
                return None
            row = await transaction.fetch_one(
                "SELECT count(*) FROM pins WHERE conversation_id = %s", (conversation,)
            )
            if row is not None and row[0] > PINS_MAX:
                raise Problem(
                    ErrorCode.CONFLICT, f"A conversation has at most {PINS_MAX} pinned messages."
                )
            event = NewEvent(conversation, EventKind.MESSAGE_PINNED, user, {"seq": seq})
            return await write(transaction, locked, [event])

    async def unpin(self, conversation: str, user: str, seq: int) -> Written | None:
        """Take a pin away; every member may."""
        async with self._database.transaction() as transaction:
            locked, _, _ = await lock_message(transaction, conversation, user, seq)
            removed = await transaction.execute(
                "DELETE FROM pins WHERE conversation_id = %s AND seq = %s", (conversation, seq)
            )
            if not removed:
                return None
            event = NewEvent(conversation, EventKind.MESSAGE_UNPINNED, user, {"seq": seq})
            return await write(transaction, locked, [event])


def _must_be_there(*, recalled: bool) -> None:
    if recalled:
        raise Problem(ErrorCode.CONFLICT, "The message was recalled.")


async def _different(transaction: Transaction, conversation: str, seq: int) -> int:
    row = await transaction.fetch_one(
        "SELECT count(DISTINCT emoji) FROM reactions WHERE conversation_id = %s AND seq = %s",
        (conversation, seq),
    )
    assert row is not None
    return int(row[0])
