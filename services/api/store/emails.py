"""People's e-mail addresses, as auth needs them."""

from __future__ import annotations

from services.api.store.database import Database
from services.api.store.errors import AlreadyThere
from shared.ids import is_id


class EmailTaken(Exception):
    """Someone else has proved that the address is theirs."""


class EmailStore:
    """Table ``emails``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner(self, key: str) -> str:
        """The user to whom an address belongs, or empty."""
        row = await self._database.fetch_one(
            "SELECT user_id::text FROM emails WHERE key = %s", (key,)
        )
        return str(row[0]) if row is not None else ""

    async def put(self, user: str, address: str, key: str) -> bool:
        """Give a person a proved address, in place of the one of before; False: no such person.

        Raises :class:`EmailTaken`.
        """
        if not is_id(user):
            return False
        try:
            written = await self._database.execute(
                """
                INSERT INTO emails (user_id, address, key)
                SELECT id, %s, %s FROM users WHERE id = %s AND kind = 'person'
                ON CONFLICT (user_id) DO UPDATE
                SET address = EXCLUDED.address, key = EXCLUDED.key, verified_at = now()
                """,
                (address, key, user),
            )
        except AlreadyThere as taken:
            raise EmailTaken from taken
        return written == 1

    async def delete(self, user: str) -> bool:
        """Forget a person's address; False when there is none."""
        if not is_id(user):
            return False
        deleted = await self._database.execute("DELETE FROM emails WHERE user_id = %s", (user,))
        return deleted == 1
