"""People's accounts, as auth needs them."""

from __future__ import annotations

from typing import Final

from services.api.store.database import Database, Row
from shared.ids import is_id, new_id
from shared.internal import Account, NewAccount

_COLUMNS: Final = """id::text, handle, display_name, password_hash, disabled_at IS NOT NULL, kind,
    coalesce((SELECT address FROM emails WHERE user_id = users.id), '')"""


class HandleTaken(Exception):
    """Someone has that handle."""


class AccountStore:
    """Table ``users``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account: NewAccount) -> Account:
        """A new account; ``handle`` is in normal form.

        The same request again (known by its hash, whose salt is random) gives the same account.
        Raises :class:`HandleTaken`.
        """
        row = await self._database.fetch_one(
            f"""
            INSERT INTO users (id, handle, display_name, password_hash)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT ON CONSTRAINT users_handle DO NOTHING
            RETURNING {_COLUMNS}
            """,  # noqa: S608 - constant columns
            (new_id(), account.handle, account.display_name, account.password_hash),
        )
        if row is not None:
            return _account(row)
        existing = await self.by_handle(account.handle)
        if existing is None or existing.password_hash != account.password_hash:
            raise HandleTaken
        return existing

    async def by_id(self, user: str) -> Account | None:
        """The account of a user."""
        if not is_id(user):
            return None
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM users WHERE id = %s",  # noqa: S608 - constant columns
            (user,),
        )
        return _account(row) if row is not None else None

    async def by_handle(self, handle: str) -> Account | None:
        """The account with a handle in normal form."""
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM users WHERE handle = %s",  # noqa: S608 - constant columns
            (handle,),
        )
        return _account(row) if row is not None else None

    async def change_password(self, user: str, password_hash: str) -> bool:
        """Keep another hash; False when there is no such user."""
        if not is_id(user):
            return False
        changed = await self._database.execute(
            "UPDATE users SET password_hash = %s WHERE id = %s AND kind = 'person'",
            (password_hash, user),
        )
        return changed == 1


def _account(row: Row) -> Account:
    user, handle, display_name, password_hash, disabled, kind, email = row
    return Account(
        user=user,
        handle=handle,
        display_name=display_name,
        password_hash=password_hash,
        disabled=disabled,
        kind=kind,
        email=email,
    )
