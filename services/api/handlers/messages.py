"""``/v1/conversations/{conversation}/messages/{seq}``: changing what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from services.api import schemas
from services.api.domain.message import BadMessage, checked_text
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.versions import MATCH_HEADER, etag, expected_version
from services.api.store.messages import Messages, Version, no_message
from shared.codes import ErrorCode
from shared.problems import Problem

MESSAGE_PATH: Final = "/v1/conversations/{conversation}/messages/{seq}"


def seq_of(call: Call) -> int:
    """The seq in the path; what is no number is the seq of no message."""
    text = call.path["seq"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise no_message()
    return int(text)


def version_json(version: Version) -> dict[str, Any]:
    """As schema MessageVersion."""
    return asdict(version)


class MessageHandlers:
    """Editing and recalling messages."""

    def __init__(self, messages: Messages, announce: Announcer) -> None:
        self._messages = messages
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        refusals = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="PATCH", path=MESSAGE_PATH, name="editMessage",
                summary="Give an own message another text; the answer's ETag is its new version",
                handler=self.edit, body=schemas.NewText, answer=schemas.MessageVersion,
                refusals=(*refusals, ErrorCode.STALE),
                headers={MATCH_HEADER: "the ETag of the version that one has seen"},
            ),
            Endpoint(
                method="DELETE", path=MESSAGE_PATH, name="recallMessage",
                summary="Take a message's text away (one's own for a day; owner and admins any)",
                handler=self.recall, answer=None, statuses=(204,),
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path=f"{MESSAGE_PATH}/versions", name="listMessageVersions",
                summary="All texts of a message, the oldest first",
                handler=self.versions, answer=schemas.MessageVersions,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def edit(self, call: Call) -> Reply:
        """PATCH …/messages/{seq}"""
        try:
            text = checked_text(call.body["text"])
        except BadMessage as error:
            raise Problem(ErrorCode.INVALID, str(error), field="text") from None
        version, written = await self._messages.edit(
            call.path["conversation"], call.user, seq_of(call), text, expected_version(call)
        )
        self._announce(written)
        return Reply(version_json(version), headers=etag(version.version))

    async def recall(self, call: Call) -> Reply:
        """DELETE …/messages/{seq}"""
        self._announce(
            await self._messages.recall(call.path["conversation"], call.user, seq_of(call))
        )
        return Reply(None, status=204)

    async def versions(self, call: Call) -> Reply:
        """GET …/messages/{seq}/versions"""
        found = await self._messages.versions(call.path["conversation"], call.user, seq_of(call))
        return Reply({"versions": [version_json(version) for version in found]})
