"""People as others see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.api.store.database import Database
from shared.ids import is_id


@dataclass(frozen=True, slots=True)
class User:
    """A person's public face."""

    id: str
    handle: str
    display_name: str


class Users:
    """Looks people up. Those whose account is disabled keep their names, but are not found anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, user: str) -> User | None:
        """One person, also one whose account is disabled: they stand in old conversations."""
        found = await self.by_ids([user])
        return found[0] if found else None

    async def by_ids(self, users: Sequence[str]) -> list[User]:
        """Those that exist, in the order of ids."""
        rows = await self._database.fetch_all(
            "SELECT id::text, handle, display_name FROM users"
            " WHERE id = ANY(%s::uuid[]) ORDER BY id",
            ([user for user in users if is_id(user)],),
        )
        return [User(*row) for row in rows]

    async def by_handle(self, handle: str) -> User | None:
        """Who has exactly this handle, in normal form."""
        row = await self._database.fetch_one(
            "SELECT id::text, handle, display_name FROM users"
            " WHERE handle = %s AND disabled_at IS NULL",
            (handle,),
        )
        return User(*row) if row is not None else None

    async def unknown(self, users: Sequence[str]) -> list[str]:
        """Which of these ids are nobody's who could be talked to."""
        rows = await self._database.fetch_all(
            "SELECT id::text FROM users WHERE id = ANY(%s::uuid[]) AND disabled_at IS NULL",
            ([user for user in users if is_id(user)],),
        )
        known = {row[0] for row in rows}
        return [user for user in users if user not in known]
