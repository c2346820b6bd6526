"""``GET /v1/conversations/{conversation}/messages`` and ``/pins``: messages as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.store.snapshots import Present, Snapshot, Snapshots
from shared.codes import ErrorCode


def present_json(message: Present) -> dict[str, Any]:
    """As schema PresentMessage: what does not apply is absent."""
    optional = (
        "client_msg_id", "reply_to", "edited_at", "attachments", "thread", "last_reply",
        "forwarded",
    )  # fmt: skip
    return {name: value for name, value in asdict(message).items() if value or name not in optional}


def page_json(found: Snapshot) -> dict[str, Any]:
    """As schema MessagePage."""
    return {
        "messages": [present_json(message) for message in found.messages],
        "head_seq": found.head_seq,
        "first_seq": found.first_seq,
        "next": found.next_before,
    }


class SnapshotHandlers:
    """The present of the caller's conversations."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/conversations/{conversation}/messages",
                name="listMessages", summary="Messages as they are now, in ascending order",
                handler=self.page, query=schemas.MessagesQuery, answer=schemas.MessagePage,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/conversations/{conversation}/pins", name="listPins",
                summary="All pinned messages as they are now, in ascending order",
                handler=self.pins, answer=schemas.MessagePage, refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET …/messages"""
        found = await self._snapshots.before(
            call.path["conversation"], call.user, call.query.get("before_seq"), call.query["limit"]
        )
        return Reply(page_json(found))

    async def pins(self, call: Call) -> Reply:
        """GET …/pins"""
        return Reply(page_json(await self._snapshots.pinned(call.path["conversation"], call.user)))
