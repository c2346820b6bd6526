"""Members of conversations: who they are, and how they come, go and rise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.api.domain.roles import Deed, may, may_claim, may_leave, may_to, need_group
from services.api.store.audit import note_role
from services.api.store.conversations import (
    LOWEST_ID,
    lock_as_member,
    not_found,
    notices,
)
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, write
from services.api.store.membership import banned_among, enter, moderators, not_in, target_role
from services.api.store.membership import leave as exit_group
from services.api.store.reach import must_take
from services.api.store.users import FACE, FACE_COUNT, User
from shared.codes import ErrorCode
from shared.events import EventKind, Role
from shared.ids import is_id
from shared.internal import Membership, MembersReply
from shared.limits import ADMINS_MAX
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the others see them."""

    user: User
    role: str
    delivered_seq: int
    read_seq: int


class Members:
    """Table ``members``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def page(self, conversation: str, viewer: str, after: str, limit: int) -> list[Member]:
        """Members in the order of user ids, above ``after``; for members only."""
        if not is_id(conversation):
            raise not_found()
        rows = await self._database.fetch_all(
            f"""
            SELECT {FACE}, m.role, m.delivered_seq,
                CASE WHEN m.user_id <> v.user_id AND (m.receipts_private OR v.receipts_private)
                    THEN 0 ELSE m.read_seq END
            FROM members v
            JOIN members m ON m.conversation_id = v.conversation_id
            JOIN users u ON u.id = m.user_id
            WHERE m.conversation_id = %s AND m.user_id > %s AND m.left_seq IS NULL
                AND v.conversation_id = %s AND v.user_id = %s AND v.left_seq IS NULL
            ORDER BY m.user_id LIMIT %s
            """,  # noqa: S608 - constant columns
            (conversation, after or LOWEST_ID, conversation, viewer, limit),
        )
        if not rows and not await self.has(conversation, viewer):
            raise not_found()
        return [Member(User(*row[:FACE_COUNT]), *row[FACE_COUNT:]) for row in rows]

    async def has(self, conversation: str, user: str) -> bool:
        """Whether the user is a member."""
        row = await self._database.fetch_one(
            "SELECT 1 FROM members"
            " WHERE conversation_id = %s AND user_id = %s AND left_seq IS NULL",
            (conversation, user),
        )
        return row is not None

    async def for_routing(self, conversation: str, from_seq: int) -> MembersReply:
        """Who is entitled to which events from ``from_seq`` on, as of the newest event."""
        rows = await self._database.fetch_all(
            """
            SELECT c.head_seq, m.user_id::text, m.first_seq, m.left_seq
            FROM conversations c LEFT JOIN members m
                ON m.conversation_id = c.id AND (m.left_seq IS NULL OR m.left_seq >= %s)
            WHERE c.id = %s
            """,
            (from_seq, conversation),
        )
        if not rows:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such conversation.")
        members = [Membership(*row[1:]) for row in rows if row[1] is not None]
        return MembersReply(as_of_seq=rows[0][0], members=members)

    async def add(self, conversation: str, actor: str, users: Sequence[str]) -> Written | None:
        """Add users to a group; those who are in it already stay as they are."""
        inboxes = await self._inboxes.of(users)
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(
                transaction, conversation, actor, list(inboxes.values())
            )
            group = locked[conversation]
            need_group(group.kind)
            may(role, Deed.ADD)
            new = await not_in(transaction, conversation, users)
            if not new:
                return None
            await must_take(transaction, actor, new, "groups", "users")
            if banned := await banned_among(transaction, conversation, new):
                raise Problem(
                    ErrorCode.CONFLICT, f"{', '.join(banned[:3])}: banned here.", field="users"
                )
            await enter(transaction, group, new)
            body = {"users": new}
            events = [NewEvent(conversation, EventKind.MEMBERS_ADDED, actor, body)]
            events += notices(
                EventKind.CONVERSATION_ADDED, conversation, actor, [inboxes[user] for user in new]
            )
            return await write(transaction, locked, events)

    async def remove(self, conversation: str, actor: str, user: str) -> Written:
        """Take a member out of a group: it is gone for them. Oneself: leave."""
        if user == actor:
            return await self.leave(conversation, actor)
        inboxes = await self._inboxes.of([user]) if await self._was_in(conversation, user) else {}
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(
                transaction, conversation, actor, list(inboxes.values())
            )
            need_group(locked[conversation].kind)
            target = await target_role(transaction, conversation, user)
            may_to(role, Deed.REMOVE, target)
            await exit_group(transaction, locked[conversation], user)
            events = [NewEvent(conversation, EventKind.MEMBER_REMOVED, actor, {"user": user})]
            events += notices(EventKind.CONVERSATION_REMOVED, conversation, actor, inboxes.values())
            return await write(transaction, locked, events)

    async def leave(self, conversation: str, user: str) -> Written:
        """Leave a group."""
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, user)
            group = locked[conversation]
            need_group(group.kind)
            may_leave(role, group.member_count)
            await exit_group(transaction, group, user)
            event = NewEvent(conversation, EventKind.MEMBER_LEFT, user, {"user": user})
            return await write(transaction, locked, [event])

    async def set_role(
        self, conversation: str, actor: str, user: str, role: Role
    ) -> Written | None:
        """Make a member an admin, or an admin a member."""
        async with self._database.transaction() as transaction:
            locked, own = await lock_as_member(transaction, conversation, actor)
            need_group(locked[conversation].kind)
            may(own, Deed.SET_ROLES)
            present = await target_role(transaction, conversation, user)
            if present is Role.OWNER:
                raise Problem(ErrorCode.CONFLICT, "Hand the group over instead.", field="user")
            if present is role:
                return None
            if role is Role.ADMIN and len(await moderators(transaction, conversation)) > ADMINS_MAX:
                raise Problem(ErrorCode.CONFLICT, f"A group has at most {ADMINS_MAX} admins.")
            event = await self._give(transaction, conversation, actor, user, role)
            return await write(transaction, locked, [event])

    async def hand_over(self, conversation: str, actor: str, user: str) -> Written | None:
        """Make another member the owner; the owner becomes an admin. If the owner's account is
        disabled, an admin may do that, also for themselves; without admins, any member."""
        async with self._database.transaction() as transaction:
            locked, own = await lock_as_member(transaction, conversation, actor)
            need_group(locked[conversation].kind)
            owner, disabled, admins = await self._owner(transaction, conversation)
            may_claim(own, owner_disabled=disabled, has_admins=admins)
            await target_role(transaction, conversation, user)
            if user == owner:
                return None
            events = [
                await self._give(transaction, conversation, actor, user, Role.OWNER),
                await self._give(transaction, conversation, actor, owner, Role.ADMIN),
            ]
            return await write(transaction, locked, events)

    async def _owner(self, transaction: Transaction, conversation: str) -> tuple[str, bool, bool]:
        """(The owner, whether their account is disabled, whether others may act as admins)."""
        rows = await transaction.fetch_all(
            """
            SELECT m.role, m.user_id::text, u.disabled_at IS NOT NULL
            FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.conversation_id = %s AND m.role <> 'member' AND m.left_seq IS NULL
            """,
            (conversation,),
        )
        (owner,) = [row for row in rows if row[0] == Role.OWNER]
        admins = any(row[0] == Role.ADMIN and not row[2] for row in rows)
        return owner[1], owner[2], admins

    async def _was_in(self, conversation: str, user: str) -> bool:
        """Whether there is a point in making an inbox for this user."""
        return is_id(conversation) and is_id(user) and await self.has(conversation, user)

    async def _give(
        self, transaction: Transaction, conversation: str, actor: str, user: str, role: Role
    ) -> NewEvent:
        await transaction.execute(
            "UPDATE members SET role = %s, updated_xid = pg_current_xact_id()"
            " WHERE conversation_id = %s AND user_id = %s",
            (role.value, conversation, user),
        )
        await note_role(transaction, conversation, user, role.value, by=actor)
        body = {"user": user, "role": role.value}
        return NewEvent(conversation, EventKind.ROLE_CHANGED, actor, body)
