"""Who knows whom: contacts and requests to become one. What one does not tell, the other does not
learn: neither a refusal nor a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from services.api.store.reach import blocked, lock_pair
from services.api.store.relations import state_for
from services.api.store.users import FACE, FACE_COUNT, User, Users
from shared.codes import ErrorCode
from shared.events import ContactState, EventKind
from shared.limits import (
    CONTACT_REFUSAL_S,
    CONTACT_REQUESTS_GOT_MAX,
    CONTACT_REQUESTS_MAX,
    CONTACTS_MAX,
)
from shared.problems import Problem

# Columns of a request as its two sides list it.
_SIDES: Final = {"out": ("from_id", "to_id", "open"), "in": ("to_id", "from_id", "shown")}


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody one knows."""

    user: User
    note: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who asks, or is asked."""

    user: User
    text: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Relation:
    """What another one is to the asker."""

    state: ContactState
    note: str
    text: str  # of the request
    blocked: bool  # by the asker


class Contacts:
    """Tables ``contacts`` and ``contact_requests``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)
        self._users = Users(database)

    # --- questions --------------------------------------------------------------------------

    async def page(self, user: str, after: str, limit: int) -> list[Contact]:
        """The user's contacts in the order of ids, above ``after``."""
        rows = await self._database.fetch_all(
            f"""
            SELECT {FACE}, c.note, c.created_at
            FROM contacts c JOIN users u ON u.id = c.contact_id
            WHERE c.user_id = %s AND c.contact_id > %s ORDER BY c.contact_id LIMIT %s
            """,  # noqa: S608 - constant columns
            (user, after or LOWEST_ID, limit),
        )
        return [Contact(User(*row[:FACE_COUNT]), *row[FACE_COUNT:]) for row in rows]

    async def requests(self, user: str, direction: str, after: str, limit: int) -> list[Request]:
        """Requests that the user has made ("out") or got ("in"), in the order of the others'
        ids."""
        own, other, seen = _SIDES[direction]
        rows = await self._database.fetch_all(
            f"""
            SELECT {FACE}, r.text, r.created_at
            FROM contact_requests r JOIN users u ON u.id = r.{other}
            WHERE r.{own} = %s AND r.{seen} AND r.{other} > %s ORDER BY r.{other} LIMIT %s
            """,  # noqa: S608 - constant columns
            (user, after or LOWEST_ID, limit),
        )
        return [Request(User(*row[:FACE_COUNT]), *row[FACE_COUNT:]) for row in rows]

    async def relation(self, user: str, other: str) -> Relation:
        """What ``other`` is to ``user``."""
        await self._must_be_somebody(user, other)
        row = await self._database.fetch_one(
            """
            SELECT c.note, a.text, b.text, EXISTS (
                SELECT FROM blocks x WHERE x.user_id = %(user)s AND x.blocked_id = %(other)s)
            FROM (VALUES (1)) AS one
            LEFT JOIN contacts c ON c.user_id = %(user)s AND c.contact_id = %(other)s
            LEFT JOIN contact_requests a
                ON a.from_id = %(user)s AND a.to_id = %(other)s AND a.open
            LEFT JOIN contact_requests b
                ON b.from_id = %(other)s AND b.to_id = %(user)s AND b.shown
            """,
            {"user": user, "other": other},
        )
        assert row is not None
        note, asked, asks, is_blocked = row
        state = (
            ContactState.CONTACT if note is not None
            else ContactState.ASKS if asks is not None
            else ContactState.ASKED if asked is not None
            else ContactState.NONE
        )  # fmt: skip
        return Relation(state, note or "", asks or asked or "", is_blocked)

    # --- changes ----------------------------------------------------------------------------

    async def ask(self, user: str, other: str, text: str) -> Written | None:
        """Ask somebody to become a contact; if they have asked, it is an acceptance."""
        await self._must_be_somebody(user, other, enabled=True)
        inboxes = await self._inboxes.of([user, other])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            if await _is_contact(transaction, user, other):
                return None
            if await blocked(transaction, user, other):
                raise Problem(ErrorCode.CONFLICT, "You have blocked them: unblock them first.")
            if await _waits(transaction, other, user):
                return await self._become(transaction, inboxes, user, other)
            if await _is_open(transaction, user, other):
                return None
            await _check_room(transaction, user, other)
            shown = await self._write_request(transaction, user, other, text)
            told = [(user, other), *([(other, user)] if shown else [])]
            return await _tell(transaction, inboxes, told, text=text)

    async def accept(self, user: str, other: str) -> Written | None:
        """Take somebody who has asked as a contact."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user, other])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            if await _is_contact(transaction, user, other):
                return None
            if not await _waits(transaction, other, user):
                raise Problem(ErrorCode.NOT_FOUND, "They have not asked you.")
            return await self._become(transaction, inboxes, user, other)

    async def refuse(self, user: str, other: str) -> Written | None:
        """Do not answer somebody who has asked. They are not told, and may not ask for a while."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            refused = await transaction.execute(
                "UPDATE contact_requests SET shown = false, refused_at = now()"
                " WHERE from_id = %s AND to_id = %s AND shown",
                (other, user),
            )
            if not refused:
                return None
            return await _tell(transaction, inboxes, [(user, other)])

    async def remove(self, user: str, other: str) -> Written | None:
        """End a contact, for both; or take an own request back."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user, other])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            ended = await transaction.execute(
                "DELETE FROM contacts WHERE (user_id = %s AND contact_id = %s)"
                " OR (user_id = %s AND contact_id = %s)",
                (user, other, other, user),
            )
            seen = bool(ended)
            if not ended:
                row = await transaction.fetch_one(
                    """
                    UPDATE contact_requests r SET open = false, shown = false
                    FROM (SELECT shown FROM contact_requests
                          WHERE from_id = %(user)s AND to_id = %(other)s) AS before
                    WHERE r.from_id = %(user)s AND r.to_id = %(other)s AND r.open
                    RETURNING before.shown
                    """,
                    {"user": user, "other": other},
                )
                if row is None:
                    return None
                seen = row[0]
            told = [(user, other), *([(other, user)] if seen else [])]
            return await _tell(transaction, inboxes, told)

    async def note(self, user: str, other: str, note: str) -> Written | None:
        """What the user calls a contact, for themselves."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            if not await _is_contact(transaction, user, other):
                raise Problem(ErrorCode.NOT_FOUND, "They are not a contact of yours.")
            changed = await transaction.execute(
                "UPDATE contacts SET note = %s"
                " WHERE user_id = %s AND contact_id = %s AND note <> %s",
                (note, user, other, note),
            )
            if not changed:
                return None
            return await _tell(transaction, inboxes, [(user, other)], note=note)

    # --- steps ------------------------------------------------------------------------------

    async def _must_be_somebody(self, user: str, other: str, *, enabled: bool = False) -> None:
        if user == other:
            raise Problem(ErrorCode.INVALID, "That is you.", field="user")
        found = (
            not await self._users.unknown([other]) if enabled else await self._users.by_id(other)
        )
        if not found:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")

    async def _become(
        self, transaction: Transaction, inboxes: dict[str, str], user: str, other: str
    ) -> Written:
        """Contacts of each other; no request is left over."""
        for one in (user, other):
            row = await transaction.fetch_one(
                "SELECT count(*) FROM contacts WHERE user_id = %s", (one,)
            )
            if row is not None and row[0] >= CONTACTS_MAX:
                whose = "You have" if one == user else "They have"
                raise Problem(ErrorCode.CONFLICT, f"{whose} {CONTACTS_MAX} contacts already.")
        await transaction.execute(
            "DELETE FROM contact_requests"
            " WHERE (from_id = %s AND to_id = %s) OR (from_id = %s AND to_id = %s)",
            (user, other, other, user),
        )
        await transaction.execute(
            "INSERT INTO contacts (user_id, contact_id) VALUES (%s, %s), (%s, %s)",
            (user, other, other, user),
        )
        return await _tell(transaction, inboxes, [(user, other), (other, user)])

    async def _write_request(
        self, transaction: Transaction, user: str, other: str, text: str
    ) -> bool:
        """Whether the other one sees it: not when they have blocked or just refused the asker."""
        row = await transaction.fetch_one(
            """
            INSERT INTO contact_requests AS r (from_id, to_id, text, open, shown)
            VALUES (%(user)s, %(other)s, %(text)s, true, %(shown)s)
            ON CONFLICT (from_id, to_id) DO UPDATE SET text = excluded.text, open = true,
                shown = excluded.shown AND (r.refused_at IS NULL
                    OR r.refused_at < now() - make_interval(secs => %(refusal_s)s)),
                created_at = excluded.created_at
            RETURNING shown
            """,
            {
                "user": user, "other": other, "text": text, "refusal_s": CONTACT_REFUSAL_S,
                "shown": not await blocked(transaction, other, user),
            },
        )  # fmt: skip
        assert row is not None
        return bool(row[0])


async def _is_contact(transaction: Transaction, user: str, other: str) -> bool:
    return await transaction.fetch_one(
        "SELECT 1 FROM contacts WHERE user_id = %s AND contact_id = %s", (user, other)
    ) is not None  # fmt: skip


async def _waits(transaction: Transaction, asker: str, asked: str) -> bool:
    """Whether somebody is seen to ask somebody."""
    return await transaction.fetch_one(
        "SELECT 1 FROM contact_requests WHERE from_id = %s AND to_id = %s AND shown",
        (asker, asked),
    ) is not None  # fmt: skip


async def _is_open(transaction: Transaction, asker: str, asked: str) -> bool:
    return await transaction.fetch_one(
        "SELECT 1 FROM contact_requests WHERE from_id = %s AND to_id = %s AND open",
        (asker, asked),
    ) is not None  # fmt: skip


async def _check_room(transaction: Transaction, user: str, other: str) -> None:
    row = await transaction.fetch_one(
        """
        SELECT (SELECT count(*) FROM contact_requests WHERE from_id = %s AND open),
            (SELECT count(*) FROM contact_requests WHERE to_id = %s AND shown)
        """,
        (user, other),
    )
    assert row is not None
    if row[0] >= CONTACT_REQUESTS_MAX:
        raise Problem(
            ErrorCode.CONFLICT, f"{CONTACT_REQUESTS_MAX} of your requests wait for an answer."
        )
    if row[1] >= CONTACT_REQUESTS_GOT_MAX:
        raise Problem(ErrorCode.CONFLICT, "They have too many requests to answer.")


async def _tell(
    transaction: Transaction,
    inboxes: dict[str, str],
    told: Sequence[tuple[str, str]],
    **more: Any,
) -> Written:
    """(whom, about whom): what that one is to them now, into their inboxes."""
    locked = await lock(transaction, [inboxes[user] for user, _ in told])
    events = []
    for user, about in told:
        state = await state_for(transaction, user, about)
        body = {"user": about, "state": state.value, **more}
        events.append(NewEvent(inboxes[user], EventKind.CONTACT_CHANGED, about, body))
    return await write(transaction, locked, events)
