"""People as others see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.store.database import Database
from shared.ids import is_id


@dataclass(frozen=True, slots=True)
class User:
    """A person's public face."""

    id: str
    handle: str
    display_name: str
    kind: str = "person"  # or "bot"
    avatar: str | None = None  # a file


# Columns of ``users u`` that make a User, in its order.
FACE: Final = "u.id::text, u.handle, u.display_name, u.kind, u.avatar::text"
FACE_COUNT: Final = 5


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
            f"SELECT {FACE} FROM users u WHERE id = ANY(%s::uuid[]) ORDER BY id",  # noqa: S608 - constant columns
            ([user for user in users if is_id(user)],),
        )
        return [User(*row) for row in rows]

    async def by_handle(self, handle: str) -> User | None:
        """Who has exactly this handle, in normal form."""
        row = await self._database.fetch_one(
            f"SELECT {FACE} FROM users u WHERE handle = %s AND disabled_at IS NULL",  # noqa: S608 - constant columns
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
