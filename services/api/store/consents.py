"""What people have allowed applications of others."""

from __future__ import annotations

from services.api.store.database import Database
from shared.ids import is_id


class ConsentStore:
    """Table ``consents``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def scope(self, user: str, client_id: str) -> str:
        """The granted scope, or empty."""
        if not is_id(user):
            return ""
        row = await self._database.fetch_one(
            "SELECT scope FROM consents WHERE user_id = %s AND client_id = %s", (user, client_id)
        )
        return str(row[0]) if row is not None else ""

    async def give(self, user: str, client_id: str, scope: str) -> bool:
        """Remember a grant, in place of an earlier one; False when there is no such user."""
        if not is_id(user):
            return False
        written = await self._database.execute(
            """
            INSERT INTO consents (user_id, client_id, scope)
            SELECT id, %s, %s FROM users WHERE id = %s
            ON CONFLICT (user_id, client_id)
            DO UPDATE SET scope = EXCLUDED.scope, updated_at = now()
            """,
            (client_id, scope, user),
        )
        return written == 1
