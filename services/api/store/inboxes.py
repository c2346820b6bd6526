"""Users' private inboxes: conversations that the system writes and one user reads."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.store.database import Database
from shared.events import ConversationKind
from shared.ids import new_id


class Inboxes:
    """Finds and makes inboxes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, users: Sequence[str]) -> dict[str, str]:
        """User → their inbox, made where there is none.

        A transaction of its own, before the one that writes to them: that one then takes all its
        locks at once, in the order of ids.
        """
        known = await self._find(users)
        # In the order of users, or two callers that make the same two would wait for each other.
        missing = sorted(set(users) - known.keys())
        if missing:
            await self._make(missing)
            known |= await self._find(missing)
        return known

    async def _find(self, users: Sequence[str]) -> dict[str, str]:
        rows = await self._database.fetch_all(
            "SELECT inbox_of::text, id::text FROM conversations WHERE inbox_of = ANY(%s::uuid[])",
            (list(users),),
        )
        return dict(rows)

    async def _make(self, users: Sequence[str]) -> None:
        await self._database.execute(
            """
            WITH made AS (
                INSERT INTO conversations (id, kind, inbox_of, member_count)
                SELECT i.id, %s, i.user_id, 1
                FROM unnest(%s::uuid[], %s::uuid[]) AS i (id, user_id) ORDER BY i.user_id
                ON CONFLICT ON CONSTRAINT conversations_inbox DO NOTHING
                RETURNING id, inbox_of
            )
            INSERT INTO members (conversation_id, user_id, role, first_seq)
            SELECT id, inbox_of, 'member', 1 FROM made
            """,
            (ConversationKind.INBOX.value, [new_id() for _ in users], list(users)),
        )
