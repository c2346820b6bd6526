"""Coming into groups by one's own wish: public groups, invitations, requests and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.api.domain.roles import Deed, may
from services.api.store.conversations import LOWEST_ID, lock_as_member, not_found, notices, role_in
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import Locked, NewEvent, Written, lock, write
from services.api.store.membership import banned_among, enter, moderators
from services.api.store.users import FACE, FACE_COUNT, User
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.ids import is_id
from shared.limits import JOIN_REQUESTS_MAX
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Somebody who asks to come in."""

    user: User
    message: str
    created_at: datetime


class Joining:
    """Table ``join_requests``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def join(self, conversation: str, user: str, message: str) -> tuple[str, Written | None]:
        """Enter a public group, or ask to: ("member" or "requested", what was written)."""
        inboxes = await self.involved(conversation, user)
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation, *inboxes.values()])
            row = await transaction.fetch_one(
                "SELECT joining FROM conversation_details"
                " WHERE conversation_id = %s AND visibility = 'public'",
                (conversation,),
            )
            if row is None or conversation not in locked:
                raise not_found()
            return await self.let_in(
                transaction, locked, conversation, user, message, inboxes, joining=row[0]
            )

    async def let_in(
        self,
        transaction: Transaction,
        locked: dict[str, Locked],
        conversation: str,
        user: str,
        message: str,
        inboxes: dict[str, str],
        *,
        joining: str,
    ) -> tuple[str, Written | None]:
        """Somebody is at a door that is ``open``, or where one must ``request``; else it is not
        there. The banned do not find it either."""
        if await banned_among(transaction, conversation, [user]):
            raise not_found()
        if await role_in(transaction, conversation, user) is not None:
            return "member", None
        if joining == "open":
            await enter(transaction, locked[conversation], [user])
            events = _entered(conversation, user, user, inboxes)
            return "member", await write(transaction, locked, events)
        if joining != "request":
            raise not_found()
        asked = await _ask(transaction, conversation, user, message)
        if not asked:
            return "requested", None
        body = {"conversation": conversation, "user": user}
        told = await moderators(transaction, conversation)
        events = [
            NewEvent(inboxes[one], EventKind.JOIN_REQUESTED, user, body)
            for one in told if one in inboxes
        ]  # fmt: skip
        return "requested", await write(transaction, locked, events)

    async def requests(
        self, conversation: str, actor: str, after: str, limit: int
    ) -> list[JoinRequest]:
        """Who asks to come in, in the order of user ids, above ``after``."""
        async with self._database.transaction() as transaction:
            _, role = await lock_as_member(transaction, conversation, actor)
            may(role, Deed.ADMIT)
            rows = await transaction.fetch_all(
                f"""
                SELECT {FACE}, r.message, r.created_at
                FROM join_requests r JOIN users u ON u.id = r.user_id
                WHERE r.conversation_id = %s AND r.user_id > %s ORDER BY r.user_id LIMIT %s
                """,  # noqa: S608 - constant columns
                (conversation, after or LOWEST_ID, limit),
            )
        return [JoinRequest(User(*row[:FACE_COUNT]), *row[FACE_COUNT:]) for row in rows]

    async def answer(self, conversation: str, actor: str, user: str, *, accept: bool) -> Written:
        """Let somebody in who asks, or do not."""
        inboxes = await self.involved(conversation, user)
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(
                transaction, conversation, actor, list(inboxes.values())
            )
            may(role, Deed.ADMIT)
            if not await _take_back(transaction, conversation, user):
                raise Problem(ErrorCode.NOT_FOUND, "They do not ask to join.", field="user")
            events = []
            if accept:
                await enter(transaction, locked[conversation], [user])
                events = _entered(conversation, actor, user, inboxes)
            events += await _answered(transaction, conversation, actor, user, inboxes, accept)
            return await write(transaction, locked, events)

    async def withdraw(self, conversation: str, user: str) -> Written | None:
        """Stop asking; None if one did not ask."""
        inboxes = await self.involved(conversation, user)
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation, *inboxes.values()])
            if conversation not in locked or not await _take_back(transaction, conversation, user):
                return None
            events = await _answered(transaction, conversation, user, user, inboxes, accepted=False)
            return await write(transaction, locked, events)

    async def involved(self, conversation: str, user: str) -> dict[str, str]:
        """The inboxes of all who are told when somebody comes or asks: user → inbox."""
        if not (is_id(conversation) and is_id(user)):
            raise not_found()
        return await self._inboxes.of([user, *await moderators(self._database, conversation)])


def _entered(conversation: str, actor: str, user: str, inboxes: dict[str, str]) -> list[NewEvent]:
    return [
        NewEvent(conversation, EventKind.MEMBERS_ADDED, actor, {"users": [user]}),
        *notices(EventKind.CONVERSATION_ADDED, conversation, actor, [inboxes[user]]),
    ]


async def _answered(
    transaction: Transaction, conversation: str, actor: str, user: str, inboxes: dict[str, str],
    accepted: bool,
) -> list[NewEvent]:  # fmt: skip
    body = {"conversation": conversation, "user": user, "accepted": accepted}
    told = dict.fromkeys([user, *await moderators(transaction, conversation)])
    return [
        NewEvent(inboxes[one], EventKind.JOIN_ANSWERED, actor, body)
        for one in told if one in inboxes
    ]  # fmt: skip


async def _ask(transaction: Transaction, conversation: str, user: str, message: str) -> int:
    row = await transaction.fetch_one(
        "SELECT count(*) FROM join_requests WHERE conversation_id = %s", (conversation,)
    )
    if row is not None and row[0] >= JOIN_REQUESTS_MAX:
        raise Problem(ErrorCode.CONFLICT, "Too many ask to join: try again another day.")
    return await transaction.execute(
        "INSERT INTO join_requests (conversation_id, user_id, message) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (conversation, user, message),
    )


async def _take_back(transaction: Transaction, conversation: str, user: str) -> int:
    return await transaction.execute(
        "DELETE FROM join_requests WHERE conversation_id = %s AND user_id = %s",
        (conversation, user),
    )
