"""What the system says: to people in their inboxes, or in a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from services.api.store.administration import note
from services.api.store.conversations import LOWEST_ID, not_found
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import Locked, NewEvent, Written, lock, write
from shared.administration import Announced, Announcement, By
from shared.events import EventKind
from shared.ids import is_id

STEP_USERS: Final = 200  # inboxes in one transaction: some tens of milliseconds of locks
SYSTEM: Final = LOWEST_ID  # the sender of what no person says
_KEY: Final = "announcement:"


class Announcements:
    """Writes announcements, some people at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def step(self, announcement: Announcement) -> tuple[Announced, Written | None]:
        """Tell the next people who have not been told yet. Raises StoreError."""
        after = announcement.after if is_id(announcement.after) else LOWEST_ID
        rows = await self._database.fetch_all(
            "SELECT id::text FROM users WHERE id > %s AND disabled_at IS NULL ORDER BY id LIMIT %s",
            (after, STEP_USERS),
        )
        users = [row[0] for row in rows]
        following = users[-1] if len(users) == STEP_USERS else ""
        if not users:
            return Announced(0), None
        by = None if announcement.after else announcement.by  # noted once
        told, written = await self.tell(users, announcement.id, announcement.text, by)
        return Announced(told, following), written

    async def tell(
        self, users: Sequence[str], identifier: str, text: str, by: By | None = None
    ) -> tuple[int, Written | None]:
        """Tell these people who have not been told ``identifier`` yet; how many that were. ``by``:
        the operator whose deed it is."""
        inboxes = await self._inboxes.of(users)
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, inboxes.values())
            return await self._write(
                transaction, locked, {user: inboxes[user] for user in users}, identifier, text, by
            )

    async def say(
        self, conversation: str, identifier: str, text: str
    ) -> tuple[int, Written | None]:
        """Say something in a conversation, as the system, once. Raises Problem: there is none."""
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation])
            if conversation not in locked:
                raise not_found()
            return await self._write(
                transaction, locked, {SYSTEM: conversation}, identifier, text, None
            )

    async def _write(
        self,
        transaction: Transaction,
        locked: dict[str, Locked],
        places: Mapping[str, str],
        identifier: str,
        text: str,
        by: By | None,
    ) -> tuple[int, Written | None]:
        """``places``: in whose name it is remembered → conversation."""
        key = _KEY + identifier
        # Looked up under the locks: of two that do the same step, one finds it done.
        known = await transaction.fetch_all(
            "SELECT s.sender_id::text FROM unnest(%s::uuid[]) AS u (id), LATERAL ("
            "SELECT s.sender_id FROM sends s"
            " WHERE s.sender_id = u.id AND s.client_msg_id = %s OFFSET 0) s",
            (list(places), key),
        )
        done = {row[0] for row in known}
        told = {user: place for user, place in places.items() if user not in done}
        if not told:
            return 0, None
        events = [
            NewEvent(place, EventKind.ANNOUNCEMENT, SYSTEM, {"text": text})
            for place in told.values()
        ]
        written = await write(transaction, locked, events)
        await transaction.execute(
            "INSERT INTO sends (sender_id, client_msg_id, conversation_id, seq)"
            " SELECT u, %s, c, s FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])"
            " AS t (u, c, s)",
            (
                key, list(told), list(told.values()),
                [locked[place].head_seq for place in told.values()],
            ),
        )  # fmt: skip
        if by is not None:
            await note(transaction, "admin_announced", by, detail=identifier)
        return len(told), written
