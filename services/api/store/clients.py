"""OAuth clients, their secrets, and bots, as auth needs them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.api.store.database import Database, Row, Transaction
from services.api.store.errors import AlreadyThere
from services.api.store.naming import found_by
from shared.client_records import ClientEntry, ClientRecord, NewBot, NewSecret, SecretRecord
from shared.ids import is_id
from shared.limits import BOTS_PER_OWNER_MAX, CLIENTS_MAX

BOT_GRANTS: Final = ["client_credentials"]
BOT_AUDIENCES: Final = ["agileim"]

_FIND: Final = """
    SELECT c.id, c.name, c.kind, c.grants, c.scopes, c.audiences, c.auth_method, c.redirect_uris,
           c.post_logout_redirect_uris, c.disabled_at IS NOT NULL, c.version,
           coalesce(c.owner_id::text, ''), c.created_at, c.updated_at,
           coalesce((SELECT array_agg(ARRAY[s.id::text, encode(s.digest, 'hex'),
                                            s.created_at::text, s.expires_at::text]
                                      ORDER BY s.id DESC)
                     FROM client_secrets s
                     WHERE s.client_id = c.id AND (s.expires_at IS NULL OR s.expires_at > now())),
                    '{}')
    FROM clients c"""


class OtherVersion(Exception):
    """Someone else has changed the client meanwhile, or it exists already."""


class TooMany(Exception):
    """No more clients, or no more bots of this owner."""


class HandleTaken(Exception):
    """Someone has that handle."""


class ClientStore:
    """Tables ``clients`` and ``client_secrets``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, client_id: str) -> ClientRecord | None:
        """One client."""
        row = await self._database.fetch_one(f"{_FIND} WHERE c.id = %s", (client_id,))
        return _record(row) if row is not None else None

    async def page(self, after: str, limit: int) -> list[ClientRecord]:
        """Clients that are no bots, by id, from the one behind ``after``."""
        rows = await self._database.fetch_all(
            f"{_FIND} WHERE c.kind <> 'bot' AND c.id > %s ORDER BY c.id LIMIT %s", (after, limit)
        )
        return [_record(row) for row in rows]

    async def bots(self, owner: str) -> list[ClientRecord]:
        """The living bots of an owner, by id; at most BOTS_PER_OWNER_MAX."""
        if not is_id(owner):
            return []
        rows = await self._database.fetch_all(
            f"{_FIND} WHERE c.owner_id = %s AND c.disabled_at IS NULL ORDER BY c.id LIMIT %s",
            (owner, BOTS_PER_OWNER_MAX),
        )
        return [_record(row) for row in rows]

    async def put(self, entry: ClientEntry) -> ClientRecord:
        """Create (version 0) or change a client; what is already so stays.

        Raises :class:`OtherVersion`, :class:`TooMany`.
        """
        try:
            async with self._database.transaction() as transaction:
                if entry.version == 0:
                    await _insert(transaction, entry)
                elif not await _update(transaction, entry):
                    raise OtherVersion
        except (AlreadyThere, OtherVersion):
            found = await self.find(entry.client_id)
            if found is None or not _says_the_same(found, entry):
                raise OtherVersion from None
            return found
        stored = await self.find(entry.client_id)
        if stored is None:  # deleted at the same moment
            raise OtherVersion
        return stored

    async def delete(self, client_id: str) -> bool:
        """Remove a client that is no bot, with its secrets; False when there is none."""
        deleted = await self._database.execute(
            "DELETE FROM clients WHERE id = %s AND kind <> 'bot'", (client_id,)
        )
        return deleted == 1

    async def add_secret(self, client_id: str, secret: str, new: NewSecret) -> bool:
        """One more secret; the newest before it expires soon, older ones go. False: no client."""
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_one(
                "SELECT 1 FROM clients WHERE id = %s FOR UPDATE", (client_id,)
            )
            if row is None:
                return False
            if await transaction.fetch_one("SELECT 1 FROM client_secrets WHERE id = %s", (secret,)):
                return True  # a retry
            await transaction.execute(
                """
                DELETE FROM client_secrets WHERE client_id = %s AND id <> coalesce(
                    (SELECT id FROM client_secrets WHERE client_id = %s ORDER BY id DESC LIMIT 1),
                    id)
                """,
                (client_id, client_id),
            )
            await transaction.execute(
                """
                UPDATE client_secrets SET expires_at =
                    least(expires_at, now() + make_interval(secs => %s))
                WHERE client_id = %s
                """,
                (new.overlap_s, client_id),
            )
            await transaction.execute(
                "INSERT INTO client_secrets (id, client_id, digest) VALUES (%s, %s, %s)",
                (secret, client_id, bytes.fromhex(new.digest)),
            )
        return True

    async def remove_secret(self, client_id: str, secret: str) -> bool:
        """Take a secret back; False when there is none."""
        if not is_id(secret):
            return False
        deleted = await self._database.execute(
            "DELETE FROM client_secrets WHERE client_id = %s AND id = %s", (client_id, secret)
        )
        return deleted == 1

    async def create_bot(self, bot: NewBot) -> ClientRecord:
        """A user of kind bot and its client; the same again changes nothing.

        Raises :class:`HandleTaken`, :class:`TooMany`.
        """
        try:
            async with self._database.transaction() as transaction:
                await _insert_bot(transaction, bot)
        except AlreadyThere:
            found = await self.find(bot.user)
            if found is None or found.owner != bot.owner:
                raise HandleTaken from None
        stored = await self.find(bot.user)
        assert stored is not None, "bots are not deleted"
        return stored

    async def disable_bot(self, user: str) -> bool:
        """End a bot for good: nobody can sign in as it, its messages stay."""
        async with self._database.transaction() as transaction:
            found = await transaction.execute(
                "UPDATE clients SET disabled_at = coalesce(disabled_at, now()), updated_at = now()"
                " WHERE id = %s AND kind = 'bot'",
                (user,),
            )
            if found:
                await transaction.execute(
                    "DELETE FROM client_secrets WHERE client_id = %s", (user,)
                )
                await transaction.execute(
                    "UPDATE users SET disabled_at = coalesce(disabled_at, now())"
                    " WHERE id = %s AND kind = 'bot'",
                    (user,),
                )
        return found == 1


async def _insert(transaction: Transaction, entry: ClientEntry) -> None:
    count = await transaction.fetch_one("SELECT count(*) FROM clients WHERE kind <> 'bot'")
    if count is not None and count[0] >= CLIENTS_MAX:
        raise TooMany
    await transaction.execute(
        """
        INSERT INTO clients (id, name, kind, grants, scopes, audiences, auth_method, redirect_uris,
                             post_logout_redirect_uris, disabled_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)
        """,
        (entry.client_id, entry.name, entry.kind, *_lists(entry), entry.disabled),
    )


async def _update(transaction: Transaction, entry: ClientEntry) -> bool:
    updated = await transaction.execute(
        """
        UPDATE clients SET name = %s, grants = %s, scopes = %s, audiences = %s, auth_method = %s,
               redirect_uris = %s, post_logout_redirect_uris = %s,
               disabled_at = CASE WHEN %s THEN coalesce(disabled_at, now()) END,
               version = version + 1, updated_at = now()
        WHERE id = %s AND kind = %s AND version = %s
        """,
        (
            entry.name, *_lists(entry), entry.disabled, entry.client_id, entry.kind, entry.version,
        ),
    )  # fmt: skip
    return updated == 1


async def _insert_bot(transaction: Transaction, bot: NewBot) -> None:
    if bot.owner:
        await _check_owner(transaction, bot)
    await transaction.execute(
        """
        INSERT INTO users (id, handle, display_name, password_hash, kind, skeleton, search_name,
            search_tokens)
        VALUES (%s, %s, %s, '', 'bot', %s, %s, %s)
        """,
        (bot.user, bot.handle, bot.display_name, *found_by(bot.handle, bot.display_name)),
    )
    await transaction.execute(
        """
        INSERT INTO clients (id, name, kind, grants, scopes, audiences, auth_method, owner_id)
        VALUES (%s, %s, 'bot', %s, %s, %s, 'client_secret_basic', %s)
        """,
        (
            bot.user,
            bot.display_name,
            BOT_GRANTS,
            bot.scopes,
            BOT_AUDIENCES,
            bot.owner or None,
        ),
    )


async def _check_owner(transaction: Transaction, bot: NewBot) -> None:
    """Raises :class:`TooMany`."""
    # The owner's row is the lock under which their bots are counted.
    owner = await transaction.fetch_one(
        "SELECT 1 FROM users WHERE id = %s AND kind = 'person' AND disabled_at IS NULL FOR UPDATE",
        (bot.owner,),
    )
    bots = await transaction.fetch_one(
        "SELECT count(*) FROM clients WHERE owner_id = %s AND disabled_at IS NULL AND id <> %s",
        (bot.owner, bot.user),
    )
    if owner is None or bots is None or bots[0] >= BOTS_PER_OWNER_MAX:
        raise TooMany


def _lists(entry: ClientEntry) -> tuple[object, ...]:
    return (
        entry.grants, entry.scopes, entry.audiences, entry.auth_method, entry.redirect_uris,
        entry.post_logout_redirect_uris,
    )  # fmt: skip


def _says_the_same(found: ClientRecord, entry: ClientEntry) -> bool:
    """Whether the change had been made before: then this is its retry."""
    told = ("name", "kind", "grants", "scopes", "audiences", "auth_method", "redirect_uris",
            "post_logout_redirect_uris", "disabled")  # fmt: skip
    return found.version == entry.version + 1 and all(
        getattr(found, name) == getattr(entry, name) for name in told
    )


def _record(row: Row) -> ClientRecord:
    (
        client_id, name, kind, grants, scopes, audiences, auth_method, redirect_uris,
        post_logout_redirect_uris, disabled, version, owner, created_at, updated_at, secrets,
    ) = row  # fmt: skip
    return ClientRecord(
        client_id=client_id,
        name=name,
        kind=kind,
        grants=grants,
        scopes=scopes,
        audiences=audiences,
        auth_method=auth_method,
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout_redirect_uris,
        disabled=disabled,
        version=version,
        owner=owner,
        created_at=created_at,
        updated_at=updated_at,
        secrets=[_secret(*parts) for parts in secrets],
    )


def _secret(identity: str, digest: str, created_at: str, expires_at: str | None) -> SecretRecord:
    return SecretRecord(
        id=identity,
        digest=digest,
        created_at=datetime.fromisoformat(created_at),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )
