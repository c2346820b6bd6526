"""``/v1/sync``: what has changed since the client last asked."""

from __future__ import annotations

from collections.abc import Sequence

from services.api import schemas
from services.api.domain.cursor import BadCursor, Cursor
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import conversation_json
from services.api.store.sync import Sync
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.problems import Problem


class SyncHandlers:
    """One question for all conversations."""

    def __init__(self, sync: Sync) -> None:
        self._sync = sync

    def endpoints(self) -> Sequence[Endpoint]:
        """The operation of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/sync", name="sync",
                summary="The conversations that changed since the cursor; without one, all",
                handler=self.page, query=schemas.SyncQuery, answer=schemas.SyncPage,
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET /v1/sync"""
        try:
            cursor = Cursor.parse(call.query["cursor"])
            if cursor.after and not is_id(cursor.after):
                raise BadCursor(cursor.after)
        except BadCursor:
            raise Problem(ErrorCode.INVALID, "This is no cursor.", field="cursor") from None
        changes = await self._sync.changes(call.user, cursor, call.query["limit"])
        conversations = [conversation_json(view) | {"state": "member"} for view in changes.views]
        conversations += [{"id": left, "state": "left"} for left in changes.left]
        return Reply(
            {
                "cursor": changes.cursor.text(),
                "more": changes.more,
                "full": changes.full,
                "conversations": conversations,
            }
        )
