"""What people tell of themselves, and what others see of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.api.store.database import Database, Row, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from services.api.store.naming import make_findable
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.ids import is_id
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Status:
    """What one is up to, or what one signs with."""

    text: str
    emoji: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as others see them."""

    id: str
    handle: str
    display_name: str
    kind: str  # person or bot
    avatar: str | None
    status: Status | None
    time_zone: str
    language: str
    last_seen_at: datetime | None  # None also when they do not show it to the asker


@dataclass(frozen=True, slots=True)
class Privacy:
    """Who may see and reach one."""

    presence: str  # everyone, contacts, nobody: whether and when one is here
    messages: str  # everyone, contacts: who may begin a conversation
    groups: str  # likewise: who may add one to groups
    find_by_name: bool
    find_by_email: bool
    find_by_phone: bool


@dataclass(frozen=True, slots=True)
class Own:
    """One's own profile."""

    profile: Profile
    version: int
    phone: str
    privacy: Privacy


# A status whose time is over is none.
_STATUS: Final = """
    CASE WHEN u.status_until IS NULL OR u.status_until > now() THEN u.status_text ELSE '' END,
    CASE WHEN u.status_until IS NULL OR u.status_until > now() THEN u.status_emoji ELSE '' END,
    u.status_until
"""
_PROFILE: Final = f"""
    u.id::text, u.handle, u.display_name, u.avatar::text, {_STATUS}, u.time_zone, u.language,
    u.kind
"""
_OWN: Final = f"""
    {_PROFILE}, u.last_seen_at, u.profile_version, u.phone, u.show_presence, u.take_messages,
    u.take_groups, u.find_by_name, u.find_by_email, u.find_by_phone
"""
_COLUMNS: Final = {
    "display_name": "display_name",
    "avatar": "avatar",
    "status_text": "status_text",
    "status_emoji": "status_emoji",
    "status_until": "status_until",
    "time_zone": "time_zone",
    "language": "language",
    "phone": "phone",
    "presence": "show_presence",
    "messages": "take_messages",
    "groups": "take_groups",
    "find_by_name": "find_by_name",
    "find_by_email": "find_by_email",
    "find_by_phone": "find_by_phone",
}


class Profiles:
    """Columns of ``users``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def seen_by(self, viewer: str, user: str) -> Profile:
        """A person as ``viewer`` sees them."""
        row = None
        if is_id(user):
            row = await self._database.fetch_one(
                f"""
                SELECT {_PROFILE}, CASE WHEN u.id = %(viewer)s OR (
                    (u.show_presence = 'everyone' OR (u.show_presence = 'contacts' AND EXISTS (
                        SELECT FROM contacts c WHERE c.user_id = u.id AND c.contact_id = %(viewer)s
                    )))
                    AND NOT EXISTS (
                        SELECT FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = %(viewer)s)
                    AND NOT EXISTS (
                        SELECT FROM blocks b WHERE b.user_id = %(viewer)s AND b.blocked_id = u.id)
                ) THEN u.last_seen_at END
                FROM users u WHERE u.id = %(user)s
                """,  # noqa: S608 - constants
                {"viewer": viewer, "user": user},
            )
        if row is None:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")
        return _profile(row)

    async def own(self, user: str) -> Own | None:
        """One's own profile; None when the account is gone."""
        row = await self._database.fetch_one(
            f"SELECT {_OWN} FROM users u WHERE u.id = %s",  # noqa: S608 - constants
            (user,),
        )
        return _own(row) if row is not None else None

    async def change(
        self, user: str, changes: Mapping[str, Any], told: Mapping[str, Any], expected: int | None
    ) -> tuple[Own, Own, Written | None]:
        """Change columns, named as in ``_COLUMNS``. ``told`` goes to the person's own devices.

        Returns it before and after; Written if anything has changed.
        """
        inboxes = await self._inboxes.of([user])
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, inboxes.values())
            before = await self._locked(transaction, user)
            if expected is not None and expected != before.version:
                raise Problem(ErrorCode.STALE, "The profile has changed since.")
            await self._must_have(transaction, user, changes.get("avatar"))
            names = [name for name in changes if name in _COLUMNS]
            sets = ", ".join(f"{_COLUMNS[name]} = %({name})s" for name in names)
            where = " OR ".join(f"{_COLUMNS[name]} IS DISTINCT FROM %({name})s" for name in names)
            row = None
            if names:
                row = await transaction.fetch_one(
                    f"""
                    UPDATE users u SET {sets}, profile_version = profile_version + 1
                    WHERE id = %(user)s AND ({where}) RETURNING {_OWN}
                    """,  # noqa: S608 - constants
                    {**changes, "user": user},
                )
            if row is None:
                return before, before, None
            after = _own(row)
            if "display_name" in changes:
                await make_findable(
                    transaction, user, after.profile.handle, changes["display_name"]
                )
            (inbox,) = inboxes.values()
            body = {"version": after.version, **told}
            event = NewEvent(inbox, EventKind.PROFILE_CHANGED, user, body)
            return before, after, await write(transaction, locked, [event])

    async def _locked(self, transaction: Transaction, user: str) -> Own:
        row = await transaction.fetch_one(
            f"SELECT {_OWN} FROM users u WHERE u.id = %s FOR UPDATE",  # noqa: S608 - constants
            (user,),
        )
        if row is None:
            raise Problem(ErrorCode.UNAUTHENTICATED, "This account is gone.")
        return _own(row)

    async def _must_have(self, transaction: Transaction, user: str, avatar: str | None) -> None:
        """A picture is a file of one's own that is complete."""
        if avatar is None:
            return
        row = await transaction.fetch_one(
            "SELECT FROM files WHERE id = %s AND user_id = %s AND finished_at IS NOT NULL"
            " AND type LIKE 'image/%%' AND NOT doomed FOR UPDATE",
            (avatar, user),
        )
        if row is None:
            raise Problem(ErrorCode.INVALID, "There is no such picture of yours.", field="avatar")
        await transaction.execute("UPDATE files SET kept_until = NULL WHERE id = %s", (avatar,))

    async def seen(self, times: Mapping[str, datetime]) -> None:
        """When people were last here."""
        await self._database.execute(
            """
            UPDATE users u SET last_seen_at = i.at
            FROM unnest(%s::uuid[], %s::timestamptz[]) AS i (id, at)
            WHERE u.id = i.id AND (u.last_seen_at IS NULL OR u.last_seen_at < i.at)
            """,
            (list(times), list(times.values())),
        )


def _profile(row: Row) -> Profile:
    user, handle, name, avatar, text, emoji, until, zone, language, kind, seen = row[:11]
    status = Status(text, emoji, until) if text or emoji else None
    return Profile(user, handle, name, kind, avatar, status, zone, language, seen)


def _own(row: Row) -> Own:
    return Own(_profile(row), row[11], row[12], Privacy(*row[13:19]))
