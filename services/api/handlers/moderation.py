"""``…/members/{user}/silence`` and ``…/bans``: keeping order in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.pages import page_reply
from services.api.handlers.people import user_json
from services.api.store.moderation import Ban, Moderation
from services.api.store.users import Users
from shared.codes import ErrorCode
from shared.problems import Problem

_BASE: Final = "/v1/conversations/{conversation}"


def ban_json(ban: Ban) -> dict[str, Any]:
    """As schema Ban."""
    return asdict(ban) | {"user": user_json(ban.user)}


class ModerationHandlers:
    """Owner and admins keep order."""

    def __init__(self, moderation: Moderation, users: Users, announce: Announcer) -> None:
        self._moderation = moderation
        self._users = users
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        refusals = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="PUT", path=f"{_BASE}/members/{{user}}/silence", name="silenceMember",
                summary="Keep a member from writing for a time (owner and admins)",
                handler=self.silence, body=schemas.Silence, answer=None, statuses=(204,),
                refusals=refusals,
            ),
            Endpoint(
                method="DELETE", path=f"{_BASE}/members/{{user}}/silence", name="unsilenceMember",
                summary="Let a member write again (owner and admins)",
                handler=self.unsilence, answer=None, statuses=(204,), refusals=refusals,
            ),
            Endpoint(
                method="GET", path=f"{_BASE}/bans", name="listBans",
                summary="Who is banned (owner and admins)",
                handler=self.bans, query=schemas.ListQuery, answer=schemas.BanPage,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="PUT", path=f"{_BASE}/bans/{{user}}", name="ban",
                summary="Remove somebody and keep them out (owner and admins)",
                handler=self.ban, body=schemas.NewBan, answer=None, statuses=(204,),
                refusals=refusals,
            ),
            Endpoint(
                method="DELETE", path=f"{_BASE}/bans/{{user}}", name="unban",
                summary="Let somebody come back (owner and admins)",
                handler=self.unban, answer=None, statuses=(204,), refusals=refusals,
            ),
        ]  # fmt: skip

    async def silence(self, call: Call) -> Reply:
        """PUT …/members/{user}/silence"""
        self._announce(
            await self._moderation.silence(
                call.path["conversation"], call.user, call.path["user"], call.body["until"]
            )
        )
        return Reply(None, 204)

    async def unsilence(self, call: Call) -> Reply:
        """DELETE …/members/{user}/silence"""
        self._announce(
            await self._moderation.silence(
                call.path["conversation"], call.user, call.path["user"], None
            )
        )
        return Reply(None, 204)

    async def bans(self, call: Call) -> Reply:
        """GET …/bans"""
        limit = call.query["limit"]
        found = await self._moderation.bans(
            call.path["conversation"], call.user, call.query["after"], limit + 1
        )
        return page_reply("bans", found, limit, ban_json, lambda ban: ban.user.id)

    async def ban(self, call: Call) -> Reply:
        """PUT …/bans/{user}"""
        user = await self._users.by_id(call.path["user"])
        if user is None:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.", field="user")
        self._announce(
            await self._moderation.ban(
                call.path["conversation"], call.user, user.id, call.body["reason"]
            )
        )
        return Reply(None, 204)

    async def unban(self, call: Call) -> Reply:
        """DELETE …/bans/{user}"""
        self._announce(
            await self._moderation.unban(call.path["conversation"], call.user, call.path["user"])
        )
        return Reply(None, 204)
