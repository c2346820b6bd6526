"""What people prove themselves with besides the password.

Whatever checks and changes is one statement, or begins by locking the user's row: of two uses of
one code at once, one is the first.
"""

from __future__ import annotations

from typing import Final

from services.api.store.database import Database, Row, Transaction
from shared.factor_records import (
    PASSKEYS_MAX,
    Authenticator,
    CodeUse,
    Factors,
    NewAuthenticator,
    NewPasskey,
    Passkey,
    PasskeyUse,
    RecoveryUse,
)
from shared.ids import is_id

_PASSKEY: Final = """
    id, user_id::text, name, public_key, sign_count, backup_eligible, backed_up, created_at,
    transports, aaguid, used_at
"""


class PasskeyTaken(Exception):
    """Somebody has a passkey with this id."""


class TooManyPasskeys(Exception):
    """The user has PASSKEYS_MAX."""


class LastFactor(Exception):
    """One has to be left."""


class FactorStore:
    """Tables ``authenticators``, ``passkeys``, ``recovery_codes``. Every method raises StoreError;
    ``user`` is an id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user: str) -> Factors | None:
        """All of a user's; None when there is no such user."""
        if not is_id(user):
            return None
        row = await self._database.fetch_one(
            """
            SELECT u.administrator, a.sealed, a.last_step, a.created_at, a.used_at,
                   (SELECT count(*) FROM recovery_codes r
                    WHERE r.user_id = u.id AND r.used_at IS NULL)
            FROM users u LEFT JOIN authenticators a ON a.user_id = u.id WHERE u.id = %s
            """,
            (user,),
        )
        if row is None:
            return None
        passkeys = await self._database.fetch_all(
            f"SELECT {_PASSKEY} FROM passkeys WHERE user_id = %s "  # noqa: S608 - constant columns
            "ORDER BY created_at, id LIMIT %s",
            (user, PASSKEYS_MAX),
        )
        administrator, sealed, last_step, created_at, used_at, codes = row
        authenticator = Authenticator(sealed, last_step, created_at, used_at) if sealed else None
        return Factors(authenticator, [_passkey(one) for one in passkeys], codes, administrator)

    async def set_administrator(self, user: str, administrator: bool) -> bool:
        """Whether more may be demanded of them; False when there is no such user."""
        if not is_id(user):
            return False
        return (
            await self._database.execute(
                "UPDATE users SET administrator = %s WHERE id = %s", (administrator, user)
            )
            == 1
        )

    async def forget(self, user: str) -> None:
        """None of them is left."""
        if not is_id(user):
            return
        async with self._database.transaction() as transaction:
            for table in ("authenticators", "passkeys", "recovery_codes"):
                await transaction.execute(
                    f"DELETE FROM {table} WHERE user_id = %s",  # noqa: S608 - constant names
                    (user,),
                )

    # --- the authenticator application --------------------------------------------------------

    async def put_authenticator(self, user: str, new: NewAuthenticator) -> bool:
        """In place of an earlier one; False when there is no such user."""
        if not is_id(user):
            return False
        written = await self._database.execute(
            """
            INSERT INTO authenticators (user_id, sealed, last_step)
            SELECT id, %s, %s FROM users WHERE id = %s
            ON CONFLICT (user_id) DO UPDATE SET
                sealed = EXCLUDED.sealed, last_step = EXCLUDED.last_step, created_at = now(),
                used_at = NULL, last_use = NULL
            """,
            (new.sealed, new.step, user),
        )
        return written == 1

    async def use_code(self, user: str, use: CodeUse) -> bool:
        """Whether the code of this step was unused; now it is used."""
        if not (is_id(user) and is_id(use.id)):
            return False
        return (
            await self._database.execute(
                """
            UPDATE authenticators SET last_step = %s, last_use = %s, used_at = now()
            WHERE user_id = %s AND (last_step < %s OR (last_step = %s AND last_use = %s))
            """,
                (use.step, use.id, user, use.step, use.step, use.id),
            )
            == 1
        )

    async def remove_authenticator(self, user: str, *, keep_one: bool) -> None:
        """Raises :class:`LastFactor`."""
        await self._remove(user, "DELETE FROM authenticators WHERE user_id = %s", (), keep_one)

    # --- passkeys -------------------------------------------------------------------------------

    async def passkey(self, passkey: str) -> Passkey | None:
        """By its id."""
        row = await self._database.fetch_one(
            f"SELECT {_PASSKEY} FROM passkeys WHERE id = %s",  # noqa: S608 - constant columns
            (passkey,),
        )
        return _passkey(row) if row is not None else None

    async def put_passkey(self, user: str, passkey: str, new: NewPasskey) -> bool:
        """Add one; the same again changes nothing. False when there is no such user.

        Raises :class:`PasskeyTaken`, :class:`TooManyPasskeys`.
        """
        async with self._database.transaction() as transaction:
            if not await _locked(transaction, user):
                return False
            row = await transaction.fetch_one(
                "SELECT user_id::text, public_key FROM passkeys WHERE id = %s", (passkey,)
            )
            if row is not None:
                if row != (user, new.public_key):
                    raise PasskeyTaken
                return True
            count = await transaction.fetch_one(
                "SELECT count(*) FROM passkeys WHERE user_id = %s", (user,)
            )
            if count is not None and count[0] >= PASSKEYS_MAX:
                raise TooManyPasskeys
            written = await transaction.execute(
                """
                INSERT INTO passkeys (id, user_id, name, public_key, sign_count, transports,
                                      backup_eligible, backed_up, aaguid)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
                """,
                (passkey, user, new.name, new.public_key, new.sign_count, new.transports,
                 new.backup_eligible, new.backed_up, new.aaguid),
            )  # fmt: skip
            if not written:  # another user's, at the same moment
                raise PasskeyTaken
        return True

    async def rename_passkey(self, user: str, passkey: str, name: str) -> bool:
        """False when the user has no such passkey."""
        if not is_id(user):
            return False
        return (
            await self._database.execute(
                "UPDATE passkeys SET name = %s WHERE user_id = %s AND id = %s",
                (name, user, passkey),
            )
            == 1
        )

    async def use_passkey(self, user: str, passkey: str, use: PasskeyUse) -> bool:
        """Whether the counter shows that this is the one passkey and no copy of it."""
        if not (is_id(user) and is_id(use.id)):
            return False
        return await self._database.execute(
            """
            UPDATE passkeys SET sign_count = %s, backed_up = %s, used_at = now(), last_use = %s
            WHERE id = %s AND user_id = %s
                  AND (sign_count < %s OR (sign_count = 0 AND %s = 0) OR last_use = %s)
            """,
            (use.sign_count, use.backed_up, use.id, passkey, user, use.sign_count,
             use.sign_count, use.id),
        ) == 1  # fmt: skip

    async def remove_passkey(self, user: str, passkey: str, *, keep_one: bool) -> None:
        """Raises :class:`LastFactor`."""
        await self._remove(
            user, "DELETE FROM passkeys WHERE user_id = %s AND id = %s", (passkey,), keep_one
        )

    # --- recovery codes -------------------------------------------------------------------------

    async def put_recovery_codes(self, user: str, hashes: list[str]) -> bool:
        """In place of all earlier ones; False when there is no such user."""
        async with self._database.transaction() as transaction:
            if not await _locked(transaction, user):
                return False
            await transaction.execute(
                "DELETE FROM recovery_codes WHERE user_id = %s AND hash <> ALL(%s)", (user, hashes)
            )
            await transaction.execute(
                """
                INSERT INTO recovery_codes (user_id, hash)
                SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING
                """,
                (user, hashes),
            )
        return True

    async def use_recovery_code(self, user: str, use: RecoveryUse) -> bool:
        """Whether it is one of the user's and was unused; now it is used."""
        if not (is_id(user) and is_id(use.id)):
            return False
        return (
            await self._database.execute(
                """
            UPDATE recovery_codes SET used_at = now(), used_by = %s
            WHERE user_id = %s AND hash = %s AND (used_at IS NULL OR used_by = %s)
            """,
                (use.id, user, use.hash, use.id),
            )
            == 1
        )

    async def _remove(
        self, user: str, sql: str, parameters: tuple[str, ...], keep_one: bool
    ) -> None:
        async with self._database.transaction() as transaction:
            if not await _locked(transaction, user):
                return
            removed = await transaction.execute(sql, (user, *parameters))
            row = await transaction.fetch_one(
                """
                SELECT EXISTS (SELECT FROM authenticators WHERE user_id = %s)
                    OR EXISTS (SELECT FROM passkeys WHERE user_id = %s)
                """,
                (user, user),
            )
            if row is not None and row[0]:
                return
            if removed and keep_one:
                raise LastFactor  # and the transaction is undone
            # Recovery codes stand in for a factor: without one they are worth nothing.
            await transaction.execute("DELETE FROM recovery_codes WHERE user_id = %s", (user,))


async def _locked(transaction: Transaction, user: str) -> bool:
    """Lock a user's row; False when there is no such user."""
    if not is_id(user):
        return False
    row = await transaction.fetch_one("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (user,))
    return row is not None


def _passkey(row: Row) -> Passkey:
    (passkey, user, name, public_key, sign_count, eligible, backed_up, created_at, transports,
     aaguid, used_at) = row  # fmt: skip
    return Passkey(
        passkey, user, name, public_key, sign_count, eligible, backed_up, created_at, transports,
        aaguid, used_at,
    )  # fmt: skip
