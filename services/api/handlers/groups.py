"""``PATCH`` and ``DELETE /v1/conversations/{conversation}``, and ``…/me``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer, conversation_json
from services.api.handlers.versions import MATCH_HEADER, etag, expected_version
from services.api.store.conversations import Conversations
from services.api.store.groups import Groups
from services.api.store.member_settings import MemberSettings
from shared.codes import ErrorCode

_BASE: Final = "/v1/conversations/{conversation}"


class GroupHandlers:
    """Changing what a group is, for all; and how one has set it up, for oneself."""

    def __init__(
        self, groups: Groups, settings: MemberSettings, conversations: Conversations,
        announce: Announcer,
    ) -> None:  # fmt: skip
        self._groups = groups
        self._settings = settings
        self._conversations = conversations
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="PATCH", path=_BASE, name="changeConversation",
                summary="Change a group's name, topic, picture, or who may enter and write",
                handler=self.change, body=schemas.GroupChanges, answer=schemas.Conversation,
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.STALE),
                headers={MATCH_HEADER: "the version of the details that one has seen"},
            ),
            Endpoint(
                method="DELETE", path=_BASE, name="dissolveConversation",
                summary="Dissolve a group: everybody leaves, its history is closed (owner)",
                handler=self.dissolve, answer=None, statuses=(204,),
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Endpoint(
                method="PATCH", path=f"{_BASE}/me", name="changeMemberSettings",
                summary="Mute, pin, archive, hide or mark a conversation, or keep a draft",
                handler=self.settings, body=schemas.NewMemberSettings,
                answer=schemas.MemberSettings,
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.STALE),
                headers={MATCH_HEADER: "the version of the settings that one has seen"},
            ),
        ]  # fmt: skip

    async def change(self, call: Call) -> Reply:
        """PATCH /v1/conversations/{conversation}"""
        conversation = call.path["conversation"]
        self._announce(
            await self._groups.change(conversation, call.user, call.body, expected_version(call))
        )
        view = await self._conversations.of_member(conversation, call.user)
        return Reply(conversation_json(view), headers=etag(view.details.version))

    async def dissolve(self, call: Call) -> Reply:
        """DELETE /v1/conversations/{conversation}"""
        self._announce(await self._groups.dissolve(call.path["conversation"], call.user))
        return Reply(None, 204)

    async def settings(self, call: Call) -> Reply:
        """PATCH …/me"""
        settings, written = await self._settings.change(
            call.path["conversation"], call.user, call.body, expected_version(call)
        )
        self._announce(written)
        return Reply(asdict(settings), headers=etag(settings.version))
