"""``/v1/channels``, ``…/join`` and ``…/requests``: coming into groups by one's own wish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.pages import page_reply
from services.api.handlers.people import user_json
from services.api.store.channels import Channels
from services.api.store.joining import Joining, JoinRequest
from shared.codes import ErrorCode

_BASE: Final = "/v1/conversations/{conversation}"


def request_json(request: JoinRequest) -> dict[str, Any]:
    """As schema JoinRequest."""
    return asdict(request) | {"user": user_json(request.user)}


class JoiningHandlers:
    """Public groups, and those who ask to come in."""

    def __init__(self, channels: Channels, joining: Joining, announce: Announcer) -> None:
        self._channels = channels
        self._joining = joining
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        missing = (ErrorCode.NOT_FOUND,)
        return [
            Endpoint(
                method="GET", path="/v1/channels", name="findChannels",
                summary="Public groups by words of their names, in the order of their ids",
                handler=self.find, query=schemas.ChannelsQuery, answer=schemas.ChannelPage,
            ),
            Endpoint(
                method="GET", path="/v1/channels/{conversation}", name="getChannel",
                summary="One public group, before one joins it",
                handler=self.one, answer=schemas.Channel, refusals=missing,
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/join", name="join",
                summary="Join a public group (200), or ask to (202)",
                handler=self.join, body=schemas.Join, answer=schemas.Joined, statuses=(200, 202),
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Endpoint(
                method="DELETE", path=f"{_BASE}/join", name="withdrawJoinRequest",
                summary="Stop asking to join", handler=self.withdraw, answer=None, statuses=(204,),
                refusals=missing,
            ),
            Endpoint(
                method="GET", path=f"{_BASE}/requests", name="listJoinRequests",
                summary="Who asks to join (owner and admins)",
                handler=self.requests, query=schemas.ListQuery, answer=schemas.JoinRequestPage,
                refusals=missing,
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/requests/{{user}}", name="answerJoinRequest",
                summary="Let somebody in who asks to join, or do not (owner and admins)",
                handler=self.answer, body=schemas.JoinAnswer, answer=None, statuses=(204,),
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
        ]  # fmt: skip

    async def find(self, call: Call) -> Reply:
        """GET /v1/channels"""
        limit = call.query["limit"]
        found = await self._channels.find(
            call.user, call.query["q"], call.query["after"], limit + 1
        )
        return page_reply("channels", found, limit, asdict, lambda channel: channel.id)

    async def one(self, call: Call) -> Reply:
        """GET /v1/channels/{conversation}"""
        return Reply(asdict(await self._channels.one(call.user, call.path["conversation"])))

    async def join(self, call: Call) -> Reply:
        """POST …/join"""
        conversation = call.path["conversation"]
        state, written = await self._joining.join(conversation, call.user, call.body["message"])
        self._announce(written)
        status = 200 if state == "member" else 202
        return Reply({"conversation": conversation, "state": state}, status)

    async def withdraw(self, call: Call) -> Reply:
        """DELETE …/join"""
        self._announce(await self._joining.withdraw(call.path["conversation"], call.user))
        return Reply(None, 204)

    async def requests(self, call: Call) -> Reply:
        """GET …/requests"""
        limit = call.query["limit"]
        found = await self._joining.requests(
            call.path["conversation"], call.user, call.query["after"], limit + 1
        )
        return page_reply("requests", found, limit, request_json, lambda request: request.user.id)

    async def answer(self, call: Call) -> Reply:
        """POST …/requests/{user}"""
        self._announce(
            await self._joining.answer(
                call.path["conversation"], call.user, call.path["user"],
                accept=call.body["accept"],
            )
        )  # fmt: skip
        return Reply(None, 204)
