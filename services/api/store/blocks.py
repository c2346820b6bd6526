"""Who wants nothing of whom. The one who is blocked is not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from services.api.store.reach import blocked, lock_pair
from services.api.store.relations import state_for
from services.api.store.users import FACE, FACE_COUNT, User, Users
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.limits import BLOCKS_MAX
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Block:
    """Somebody whom one has blocked."""

    user: User
    since: datetime


class Blocks:
    """Table ``blocks``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)
        self._users = Users(database)

    async def page(self, user: str, after: str, limit: int) -> list[Block]:
        """Whom the user has blocked, in the order of ids, above ``after``."""
        rows = await self._database.fetch_all(
            f"""
            SELECT {FACE}, b.created_at
            FROM blocks b JOIN users u ON u.id = b.blocked_id
            WHERE b.user_id = %s AND b.blocked_id > %s ORDER BY b.blocked_id LIMIT %s
            """,  # noqa: S608 - constant columns
            (user, after or LOWEST_ID, limit),
        )
        return [Block(User(*row[:FACE_COUNT]), row[FACE_COUNT]) for row in rows]

    async def block(self, user: str, other: str) -> Written | None:
        """Stop requests, direct messages, presence and typing between the two."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user, other])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            if await blocked(transaction, user, other):
                return None
            row = await transaction.fetch_one(
                "SELECT count(*) FROM blocks WHERE user_id = %s", (user,)
            )
            if row is not None and row[0] >= BLOCKS_MAX:
                raise Problem(ErrorCode.CONFLICT, f"You have blocked {BLOCKS_MAX} people already.")
            await transaction.execute(
                "INSERT INTO blocks (user_id, blocked_id) VALUES (%s, %s)", (user, other)
            )
            events = [_told(inboxes[user], user, other, is_blocked=True)]
            events += await _end_requests(transaction, inboxes, user, other)
            conversation = await _direct(transaction, user, other)
            locked = await lock(transaction, [*inboxes.values(), *conversation])
            await _shut(transaction, conversation, shut=True)
            return await write(transaction, locked, events)

    async def unblock(self, user: str, other: str) -> Written | None:
        """Let them reach one again. What they did meanwhile stays unseen."""
        await self._must_be_somebody(user, other)
        inboxes = await self._inboxes.of([user])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, other)
            ended = await transaction.execute(
                "DELETE FROM blocks WHERE user_id = %s AND blocked_id = %s", (user, other)
            )
            if not ended:
                return None
            conversation = await _direct(transaction, user, other)
            locked = await lock(transaction, [*inboxes.values(), *conversation])
            if not await blocked(transaction, other, user):
                await _shut(transaction, conversation, shut=False)
            event = _told(inboxes[user], user, other, is_blocked=False)
            return await write(transaction, locked, [event])

    async def _must_be_somebody(self, user: str, other: str) -> None:
        if user == other:
            raise Problem(ErrorCode.INVALID, "That is you.", field="user")
        if await self._users.by_id(other) is None:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")


async def _end_requests(
    transaction: Transaction, inboxes: dict[str, str], user: str, other: str
) -> list[NewEvent]:
    """Take the own request back, and put the other's away unseen."""
    taken = await transaction.fetch_one(
        """
        UPDATE contact_requests r SET open = false, shown = false
        FROM (SELECT shown FROM contact_requests WHERE from_id = %(user)s AND to_id = %(other)s)
            AS before
        WHERE r.from_id = %(user)s AND r.to_id = %(other)s AND r.open RETURNING before.shown
        """,
        {"user": user, "other": other},
    )
    put_away = await transaction.execute(
        "UPDATE contact_requests SET shown = false WHERE from_id = %s AND to_id = %s AND shown",
        (other, user),
    )
    told = [(user, other)] if taken is not None or put_away else []
    told += [(other, user)] if taken is not None and taken[0] else []
    events = []
    for one, about in told:
        body = {"user": about, "state": (await state_for(transaction, one, about)).value}
        events.append(NewEvent(inboxes[one], EventKind.CONTACT_CHANGED, about, body))
    return events


async def _direct(transaction: Transaction, one: str, other: str) -> Sequence[str]:
    """The conversation of the two, if there is one."""
    rows = await transaction.fetch_all(
        "SELECT id::text FROM conversations WHERE low_id = %s AND high_id = %s",
        tuple(sorted((one, other))),
    )
    return [row[0] for row in rows]


async def _shut(transaction: Transaction, conversation: Sequence[str], *, shut: bool) -> None:
    await transaction.execute(
        "UPDATE members SET shut = %s WHERE conversation_id = ANY(%s::uuid[]) AND shut <> %s",
        (shut, list(conversation), shut),
    )


def _told(inbox: str, user: str, other: str, *, is_blocked: bool) -> NewEvent:
    body = {"user": other, "blocked": is_blocked}
    return NewEvent(inbox, EventKind.BLOCK_CHANGED, user, body)
