"""Telling everybody something, in their inboxes."""

from __future__ import annotations

from typing import Final

from services.api.store.administration import note
from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from shared.administration import Announced, Announcement
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
        inboxes = await self._inboxes.of(users)
        key = _KEY + announcement.id
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, inboxes.values())
            # Looked up under the locks: of two that do the same step, one finds it done.
            known = await transaction.fetch_all(
                "SELECT s.sender_id::text FROM unnest(%s::uuid[]) AS u (id), LATERAL ("
                "SELECT s.sender_id FROM sends s"
                " WHERE s.sender_id = u.id AND s.client_msg_id = %s OFFSET 0) s",
                (users, key),
            )
            told = [user for user in users if user not in {row[0] for row in known}]
            if not told:
                return Announced(0, following), None
            body = {"text": announcement.text}
            events = [NewEvent(inboxes[u], EventKind.ANNOUNCEMENT, SYSTEM, body) for u in told]
            written = await write(transaction, locked, events)
            await transaction.execute(
                "INSERT INTO sends (sender_id, client_msg_id, conversation_id, seq)"
                " SELECT u, %s, c, s FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])"
                " AS t (u, c, s)",
                (
                    key, told, [inboxes[user] for user in told],
                    [locked[inboxes[user]].head_seq for user in told],
                ),
            )  # fmt: skip
            if not announcement.after:
                await note(transaction, "admin_announced", announcement.by, detail=announcement.id)
        return Announced(len(told), following), written
