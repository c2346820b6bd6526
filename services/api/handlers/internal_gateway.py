"""``/internal/v1`` for gateways (scope ``internal.gateway``): sends, receipts, heads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from services.api.batcher import Batcher
from services.api.domain.cursor import BadCursor, Cursor
from services.api.domain.message import BadMessage, Draft, draft
from services.api.publisher import Publisher
from services.api.store.receipts import Receipts
from services.api.store.sends import SendResult
from services.api.store.sync import Sync
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.internal import (
    SCOPE_GATEWAY,
    AppendReply,
    AppendRequest,
    HeadsReply,
    HeadsRequest,
    NotAppended,
    ReceiptsReply,
    ReceiptsRequest,
)
from shared.limits import SEND_BATCH_MAX
from shared.problems import Problem

Guard = Callable[[web.Request, str], Awaitable[object]]

T = TypeVar("T")

MARKS_MAX: Final = 10_000
USERS_MAX: Final = 10_000

_encode: Final = msgspec.json.Encoder().encode
_append_request: Final = msgspec.json.Decoder(AppendRequest)
_receipts_request: Final = msgspec.json.Decoder(ReceiptsRequest)
_heads_request: Final = msgspec.json.Decoder(HeadsRequest)


class GatewayHandlers:
    """What gateways ask for."""

    def __init__(
        self,
        guard: Guard,
        batcher: Batcher,
        receipts: Receipts,
        sync: Sync,
        publisher: Publisher,
    ) -> None:
        self._guard = guard
        self._batcher = batcher
        self._receipts = receipts
        self._sync = sync
        self._publisher = publisher

    def routes(self) -> list[web.RouteDef]:
        """The routes of this module."""
        return [
            web.post("/internal/v1/messages", self.append),
            web.post("/internal/v1/receipts", self.receipts),
            web.post("/internal/v1/heads", self.heads),
        ]

    async def append(self, request: web.Request) -> web.Response:
        """POST /internal/v1/messages: AppendRequest → AppendReply, when committed."""
        await self._guard(request, SCOPE_GATEWAY)
        messages = _decoded(_append_request, await request.read()).messages
        _at_most("messages", len(messages), SEND_BATCH_MAX)
        results: list[SendResult | None] = [None] * len(messages)
        drafts: list[Draft] = []
        places: list[int] = []
        for place, one in enumerate(messages):
            try:
                drafts.append(
                    draft(one.conversation, one.sender, one.client_msg_id, one.body, one.origin,
                          one.trace)
                )  # fmt: skip
                places.append(place)
            except BadMessage as error:
                results[place] = NotAppended(ErrorCode.INVALID, str(error), error.field)
        if drafts:
            stored = await self._batcher.submit(drafts)
            if len(drafts) == len(messages):
                return _json(AppendReply(stored))
            for place, result in zip(places, stored, strict=True):
                results[place] = result
        return _json(AppendReply([result for result in results if result is not None]))

    async def receipts(self, request: web.Request) -> web.Response:
        """POST /internal/v1/receipts: ReceiptsRequest → ReceiptsReply."""
        await self._guard(request, SCOPE_GATEWAY)
        marks = _decoded(_receipts_request, await request.read()).marks
        _at_most("marks", len(marks), MARKS_MAX)
        moved = await self._receipts.move(marks)
        self._publisher.signal(moved.signals)
        return _json(ReceiptsReply(moved.results))

    async def heads(self, request: web.Request) -> web.Response:
        """POST /internal/v1/heads: HeadsRequest → HeadsReply."""
        await self._guard(request, SCOPE_GATEWAY)
        asked = _decoded(_heads_request, await request.read())
        _at_most("users", len(asked.users), USERS_MAX)
        try:
            cursor = Cursor.parse(asked.cursor) if asked.cursor else None
        except BadCursor:
            raise Problem(ErrorCode.INVALID, "This is no cursor.", field="cursor") from None
        users = [user for user in asked.users if is_id(user)]
        following, heads = await self._sync.heads(users, cursor)
        return _json(HeadsReply(following.text(), heads))


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error)) from error


def _at_most(field: str, count: int, most: int) -> None:
    if count > most:
        raise Problem(ErrorCode.TOO_LARGE, f"At most {most} at once.", field=field)


def _json(reply: msgspec.Struct) -> web.Response:
    return web.Response(body=_encode(reply), content_type="application/json")
