"""Who people are at OpenID providers outside, as auth needs it."""

from __future__ import annotations

from services.api.store.database import Database
from services.api.store.errors import AlreadyThere
from shared.ids import is_id
from shared.internal import OutsideIdentity


class IdentityTaken(Exception):
    """It is linked to another account, or the account to another identity of that provider."""


class OutsideStore:
    """Table ``outside_identities``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner(self, issuer: str, subject: str) -> str:
        """The user to whom an identity is linked, or empty."""
        row = await self._database.fetch_one(
            "SELECT user_id::text FROM outside_identities WHERE issuer = %s AND subject = %s",
            (issuer, subject),
        )
        return str(row[0]) if row is not None else ""

    async def of(self, user: str) -> list[OutsideIdentity]:
        """A person's; one for each provider at most."""
        if not is_id(user):
            return []
        rows = await self._database.fetch_all(
            "SELECT issuer, subject, label, linked_at FROM outside_identities"
            " WHERE user_id = %s ORDER BY issuer",
            (user,),
        )
        return [OutsideIdentity(*row) for row in rows]

    async def link(self, user: str, issuer: str, subject: str, label: str) -> bool:
        """Link an identity; the same again changes nothing. False: no such person.

        Raises :class:`IdentityTaken`.
        """
        if not is_id(user):
            return False
        try:
            written = await self._database.execute(
                """
                INSERT INTO outside_identities (issuer, subject, user_id, label)
                SELECT %s, %s, id, %s FROM users WHERE id = %s AND kind = 'person'
                """,
                (issuer, subject, label, user),
            )
        except AlreadyThere as taken:
            if await self.owner(issuer, subject) != user:
                raise IdentityTaken from taken
            return True
        return written == 1

    async def unlink(self, user: str, issuer: str) -> bool:
        """Forget a person's identity at a provider; False when there is none."""
        if not is_id(user):
            return False
        deleted = await self._database.execute(
            "DELETE FROM outside_identities WHERE user_id = %s AND issuer = %s", (user, issuer)
        )
        return deleted == 1
