"""Keeping order in groups: who may not write for a while, and who may not be there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.api.domain.roles import Deed, may, may_to, need_group
from services.api.store.conversations import LOWEST_ID, lock_as_member, notices, role_in
from services.api.store.database import Database
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, write
from services.api.store.membership import leave, target_role
from services.api.store.users import FACE, FACE_COUNT, User
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.ids import is_id
from shared.limits import BANS_MAX
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Ban:
    """Somebody who may not be in a group."""

    user: User
    banned_by: str
    reason: str
    created_at: datetime


class Moderation:
    """Column ``silenced_until`` of ``members``, and table ``bans``. Methods raise Problem, and
    StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def silence(
        self, conversation: str, actor: str, user: str, until: datetime | None
    ) -> Written | None:
        """A member may not write until then; None: they may again."""
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, actor)
            need_group(locked[conversation].kind)
            may_to(role, Deed.SILENCE, await target_role(transaction, conversation, user))
            changed = await transaction.execute(
                """
                UPDATE members SET silenced_until = %(until)s, updated_xid = pg_current_xact_id()
                WHERE conversation_id = %(group)s AND user_id = %(user)s
                    AND silenced_until IS DISTINCT FROM %(until)s
                """,
                {"group": conversation, "user": user, "until": until},
            )
            if not changed:
                return None
            body = {"user": user, "until": until}
            event = NewEvent(conversation, EventKind.MEMBER_SILENCED, actor, body)
            return await write(transaction, locked, [event])

    async def ban(self, conversation: str, actor: str, user: str, reason: str) -> Written | None:
        """Take somebody out, if they are in, and keep them out; None if they were banned before."""
        inboxes = await self._inboxes.of([user])
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(
                transaction, conversation, actor, list(inboxes.values())
            )
            group = locked[conversation]
            need_group(group.kind)
            may(role, Deed.BAN)
            present = await role_in(transaction, conversation, user)
            if present is not None:
                may_to(role, Deed.BAN, present)
            banned = await transaction.execute(
                "INSERT INTO bans (conversation_id, user_id, banned_by, reason)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (conversation, user, actor, reason),
            )
            if not banned:
                return None
            row = await transaction.fetch_one(
                "SELECT count(*) FROM bans WHERE conversation_id = %s", (conversation,)
            )
            if row is not None and row[0] > BANS_MAX:
                raise Problem(ErrorCode.CONFLICT, f"At most {BANS_MAX} people can be banned.")
            await transaction.execute(
                "DELETE FROM join_requests WHERE conversation_id = %s AND user_id = %s",
                (conversation, user),
            )
            events = [NewEvent(conversation, EventKind.MEMBER_BANNED, actor, {"user": user})]
            if present is not None:
                await leave(transaction, group, user)
                events += notices(
                    EventKind.CONVERSATION_REMOVED, conversation, actor, inboxes.values()
                )
            return await write(transaction, locked, events)

    async def unban(self, conversation: str, actor: str, user: str) -> Written | None:
        """They may come in again; None if they were not banned."""
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, actor)
            need_group(locked[conversation].kind)
            may(role, Deed.BAN)
            removed = is_id(user) and await transaction.execute(
                "DELETE FROM bans WHERE conversation_id = %s AND user_id = %s",
                (conversation, user),
            )
            if not removed:
                return None
            event = NewEvent(conversation, EventKind.MEMBER_UNBANNED, actor, {"user": user})
            return await write(transaction, locked, [event])

    async def bans(self, conversation: str, actor: str, after: str, limit: int) -> list[Ban]:
        """Who is banned, in the order of user ids, above ``after``; for those who may ban."""
        async with self._database.transaction() as transaction:
            _, role = await lock_as_member(transaction, conversation, actor)
            may(role, Deed.BAN)
            rows = await transaction.fetch_all(
                f"""
                SELECT {FACE}, b.banned_by::text, b.reason,
                    b.created_at
                FROM bans b JOIN users u ON u.id = b.user_id
                WHERE b.conversation_id = %s AND b.user_id > %s ORDER BY b.user_id LIMIT %s
                """,  # noqa: S608 - constant columns
                (conversation, after or LOWEST_ID, limit),
            )
        return [Ban(User(*row[:FACE_COUNT]), *row[FACE_COUNT:]) for row in rows]
