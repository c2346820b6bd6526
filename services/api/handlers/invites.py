"""``…/invites`` and ``/v1/invites``: links into groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.pages import page_reply
from services.api.store.invites import Invites
from shared.codes import ErrorCode

_BASE: Final = "/v1/conversations/{conversation}/invites"


class InviteHandlers:
    """Making, revoking, looking at and accepting invitations."""

    def __init__(self, invites: Invites, announce: Announcer) -> None:
        self._invites = invites
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        refusals = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="POST", path=_BASE, name="createInvite",
                summary="Make a link by which people may come in (owner and admins)",
                handler=self.create, body=schemas.NewInvite, answer=schemas.Invite,
                statuses=(201,), refusals=refusals,
            ),
            Endpoint(
                method="GET", path=_BASE, name="listInvites",
                summary="The links that are good (owner and admins)",
                handler=self.page, query=schemas.ListQuery, answer=schemas.InvitePage,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="DELETE", path=f"{_BASE}/{{invite}}", name="revokeInvite",
                summary="Make a link good for nothing (owner and admins)",
                handler=self.revoke, answer=None, statuses=(204,),
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/invites/preview", name="previewInvite",
                summary="What a link leads to", handler=self.preview, body=schemas.InviteToken,
                answer=schemas.InvitePreview, refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/invites/accept", name="acceptInvite",
                summary="Come in by a link (200), or ask to (202)",
                handler=self.accept, body=schemas.InviteAcceptance, answer=schemas.Joined,
                statuses=(200, 202), refusals=refusals,
            ),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        """POST …/invites"""
        invite, token = await self._invites.create(
            call.path["conversation"],
            call.user,
            expires_in_s=call.body.get("expires_in_s"),
            uses_max=call.body.get("uses_max"),
            approval=call.body["approval"],
        )
        return Reply(asdict(invite) | {"token": token}, 201)

    async def page(self, call: Call) -> Reply:
        """GET …/invites"""
        limit = call.query["limit"]
        found = await self._invites.page(
            call.path["conversation"], call.user, call.query["after"], limit + 1
        )
        return page_reply("invites", found, limit, asdict, lambda invite: invite.id)

    async def revoke(self, call: Call) -> Reply:
        """DELETE …/invites/{invite}"""
        await self._invites.revoke(call.path["conversation"], call.user, call.path["invite"])
        return Reply(None, 204)

    async def preview(self, call: Call) -> Reply:
        """POST /v1/invites/preview"""
        return Reply(asdict(await self._invites.preview(call.body["token"], call.user)))

    async def accept(self, call: Call) -> Reply:
        """POST /v1/invites/accept"""
        conversation, state, written = await self._invites.accept(
            call.body["token"], call.user, call.body["message"]
        )
        self._announce(written)
        status = 200 if state == "member" else 202
        return Reply({"conversation": conversation, "state": state}, status)
