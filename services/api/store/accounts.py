"""People's accounts, as auth needs them."""

from __future__ import annotations

from typing import Final

from services.api.store.database import Database, Row
from services.api.store.naming import found_by
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

        The same request again (known by its hash, whose salt is random, or by the id) gives the
        same account.
        Raises :class:`HandleTaken`, also for a handle that looks like another one (UTS #39).
        """
        row = await self._database.fetch_one(
            f"""
            INSERT INTO users (id, handle, display_name, password_hash, skeleton, search_name,
                search_tokens)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            RETURNING {_COLUMNS}
            """,  # noqa: S608 - constant columns
            (
                account.user or new_id(), account.handle, account.display_name,
                account.password_hash, *found_by(account.handle, account.display_name),
            ),
        )  # fmt: skip
        if row is not None:
            return _account(row)
        existing = await self.by_handle(account.handle)
        if existing is None or not _is_retry(account, existing):
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


def _is_retry(wanted: NewAccount, existing: Account) -> bool:
    if wanted.user:
        return wanted.user == existing.user
    # Accounts without a password are not told apart by it.
    return bool(wanted.password_hash) and wanted.password_hash == existing.password_hash


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
