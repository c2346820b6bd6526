"""Reactions and pins of messages. PUT and DELETE may be repeated: the answer is 204 again."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.domain import emoji
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.messages import MESSAGE_PATH, seq_of
from services.api.store.marks import Marks
from shared.codes import ErrorCode
from shared.problems import Problem


class MarkHandlers:
    """What members attach to messages."""

    def __init__(self, marks: Marks, announce: Announcer) -> None:
        self._marks = marks
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        reaction, pin = f"{MESSAGE_PATH}/reactions/{{emoji}}", f"{MESSAGE_PATH}/pin"
        missing = (ErrorCode.NOT_FOUND, ErrorCode.INVALID)
        full = (*missing, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="PUT", path=reaction, name="addReaction", summary="React with an emoji",
                handler=self.react, answer=None, statuses=(204,), refusals=full,
            ),
            Endpoint(
                method="DELETE", path=reaction, name="removeReaction",
                summary="Take an own reaction back",
                handler=self.unreact, answer=None, statuses=(204,), refusals=missing,
            ),
            Endpoint(
                method="PUT", path=pin, name="pinMessage", summary="Pin a message for all",
                handler=self.pin, answer=None, statuses=(204,),
                refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Endpoint(
                method="DELETE", path=pin, name="unpinMessage", summary="Take a pin away",
                handler=self.unpin, answer=None, statuses=(204,), refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def react(self, call: Call) -> Reply:
        """PUT …/messages/{seq}/reactions/{emoji}"""
        conversation, sign = call.path["conversation"], _emoji(call)
        self._announce(await self._marks.react(conversation, call.user, seq_of(call), sign))
        return Reply(None, status=204)

    async def unreact(self, call: Call) -> Reply:
        """DELETE …/messages/{seq}/reactions/{emoji}"""
        conversation, sign = call.path["conversation"], _emoji(call)
        self._announce(await self._marks.unreact(conversation, call.user, seq_of(call), sign))
        return Reply(None, status=204)

    async def pin(self, call: Call) -> Reply:
        """PUT …/messages/{seq}/pin"""
        self._announce(await self._marks.pin(call.path["conversation"], call.user, seq_of(call)))
        return Reply(None, status=204)

    async def unpin(self, call: Call) -> Reply:
        """DELETE …/messages/{seq}/pin"""
        self._announce(await self._marks.unpin(call.path["conversation"], call.user, seq_of(call)))
        return Reply(None, status=204)


def _emoji(call: Call) -> str:
    sign = emoji.normal_form(call.path["emoji"])
    if sign is None:
        raise Problem(ErrorCode.INVALID, "A reaction is exactly one emoji.", field="emoji")
    return sign
