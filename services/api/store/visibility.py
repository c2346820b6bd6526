"""Who may see whether somebody is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.api.store.database import Database
from shared.ids import is_id
from shared.internal import Visibility
from shared.limits import BLOCKS_MAX, CONTACTS_MAX

BLOCKED_BY_MAX: Final = 50_000  # an answer must end somewhere


class Visibilities:
    """A question about ``users``, ``contacts`` and ``blocks``. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, users: Sequence[str]) -> list[Visibility]:
        """Those of the people who exist."""
        rows = await self._database.fetch_all(
            """
            SELECT u.id::text, u.show_presence,
                CASE WHEN u.show_presence = 'contacts' THEN ARRAY(
                    SELECT c.contact_id::text FROM contacts c WHERE c.user_id = u.id LIMIT %s
                ) ELSE '{}' END,
                ARRAY(
                    (SELECT b.blocked_id::text FROM blocks b WHERE b.user_id = u.id LIMIT %s)
                    UNION
                    (SELECT b.user_id::text FROM blocks b WHERE b.blocked_id = u.id LIMIT %s)
                ),
                coalesce((extract(epoch FROM u.last_seen_at) * 1000)::bigint, 0)
            FROM users u WHERE u.id = ANY(%s::uuid[])
            """,
            (CONTACTS_MAX, BLOCKS_MAX, BLOCKED_BY_MAX, [user for user in users if is_id(user)]),
        )
        return [Visibility(*row) for row in rows]
