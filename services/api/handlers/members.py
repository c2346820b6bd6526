"""``/v1/conversations/{conversation}/members`` and what else changes who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.people import user_json
from services.api.store.members import Member, Members
from services.api.store.users import Users
from shared.codes import ErrorCode
from shared.events import Role
from shared.problems import Problem

_BASE = "/v1/conversations/{conversation}"


def member_json(member: Member) -> dict[str, Any]:
    """As schema Member."""
    return {
        "user": user_json(member.user),
        "role": member.role,
        "delivered_seq": member.delivered_seq,
        "read_seq": member.read_seq,
    }


class MemberHandlers:
    """Members of a conversation."""

    def __init__(self, members: Members, users: Users, announce: Announcer) -> None:
        self._members = members
        self._users = users
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module; those that change something answer 204."""
        refusals = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="GET", path=f"{_BASE}/members", name="listMembers",
                summary="Who is in a conversation, in the order of their ids",
                handler=self.page, query=schemas.ListQuery, answer=schemas.MemberPage,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/members", name="addMembers",
                summary="Add users to a group (owner and admins); present ones stay as they are",
                handler=self.add, body=schemas.NewMembers, answer=None, statuses=(204,),
                refusals=refusals,
            ),
            Endpoint(
                method="PATCH", path=f"{_BASE}/members/{{user}}", name="setRole",
                summary="Make a member an admin, or an admin a member (owner)",
                handler=self.set_role, body=schemas.NewRole, answer=None, statuses=(204,),
                refusals=refusals,
            ),
            Endpoint(
                method="DELETE", path=f"{_BASE}/members/{{user}}", name="removeMember",
                summary="Take somebody out of a group (owner; admins: ordinary members)",
                handler=self.remove, answer=None, statuses=(204,), refusals=refusals,
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/leave", name="leaveConversation",
                summary="Leave a group; the owner hands it over first, unless alone",
                handler=self.leave, answer=None, statuses=(204,), refusals=refusals,
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/owner", name="handOver",
                summary="Make another member the owner (owner, who becomes an admin)",
                handler=self.hand_over, body=schemas.NewOwner, answer=None, statuses=(204,),
                refusals=refusals,
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET …/members"""
        limit = call.query["limit"]
        members = await self._members.page(
            call.path["conversation"], call.user, call.query["after"], limit + 1
        )
        more = len(members) > limit
        members = members[:limit]
        return Reply(
            {
                "members": [member_json(member) for member in members],
                "next": members[-1].user.id if more else None,
            }
        )

    async def add(self, call: Call) -> Reply:
        """POST …/members"""
        users = call.body["users"]
        unknown = await self._users.unknown(users)
        if unknown:
            raise Problem(
                ErrorCode.INVALID, f"There is no user {', '.join(unknown[:3])}.", field="users"
            )
        self._announce(await self._members.add(call.path["conversation"], call.user, users))
        return Reply(None, 204)

    async def set_role(self, call: Call) -> Reply:
        """PATCH …/members/{user}"""
        self._announce(
            await self._members.set_role(
                call.path["conversation"], call.user, call.path["user"], Role(call.body["role"])
            )
        )
        return Reply(None, 204)

    async def remove(self, call: Call) -> Reply:
        """DELETE …/members/{user}"""
        self._announce(
            await self._members.remove(call.path["conversation"], call.user, call.path["user"])
        )
        return Reply(None, 204)

    async def leave(self, call: Call) -> Reply:
        """POST …/leave"""
        self._announce(await self._members.leave(call.path["conversation"], call.user))
        return Reply(None, 204)

    async def hand_over(self, call: Call) -> Reply:
        """POST …/owner"""
        self._announce(
            await self._members.hand_over(call.path["conversation"], call.user, call.body["user"])
        )
        return Reply(None, 204)
