"""A conversation's log: reading it, adding messages, and how far one has read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.api import schemas
from services.api.batcher import Batcher
from services.api.domain.message import BadMessage, draft
from services.api.endpoint import Call, Endpoint, Reply
from services.api.publisher import Publisher
from services.api.rates import Rate
from services.api.store.events import Events
from services.api.store.receipts import Receipts
from shared.codes import ErrorCode
from shared.frames import Event
from shared.internal import Appended, NotAppended, ReceiptMark
from shared.problems import TRACE_ID, Problem

_BASE = "/v1/conversations/{conversation}"


def event_json(event: Event) -> dict[str, Any]:
    """As schema Event: the WebSocket frame without its type."""
    result = {name: getattr(event, name) for name in event.__struct_fields__}
    if not event.client_msg_id:
        del result["client_msg_id"]
    return result


def sent_json(result: Appended) -> dict[str, Any]:
    """As schema Sent."""
    return {name: getattr(result, name) for name in result.__struct_fields__}


class EventHandlers:
    """Logs of the caller's conversations."""

    def __init__(
        self, events: Events, batcher: Batcher, receipts: Receipts, publisher: Publisher
    ) -> None:
        self._events = events
        self._batcher = batcher
        self._receipts = receipts
        self._publisher = publisher

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path=f"{_BASE}/events", name="listEvents",
                summary="Part of a conversation's log, in ascending order",
                handler=self.page, query=schemas.EventsQuery, answer=schemas.EventPage,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/messages", name="sendMessage",
                summary="Send a message; 200 when an earlier try had succeeded",
                handler=self.send, body=schemas.NewMessage, answer=schemas.Sent,
                statuses=(200, 201), refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
                rate=Rate.SEND,
            ),
            Endpoint(
                method="POST", path=f"{_BASE}/receipts", name="moveReceipts",
                summary="Tell how far one has got and read",
                handler=self.move, body=schemas.NewReceipts, answer=None, statuses=(200,),
                refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET …/events"""
        conversation, query = call.path["conversation"], call.query
        if "after_seq" in query:
            page = await self._events.after(
                conversation, call.user, query["after_seq"], query["limit"]
            )
        else:
            page = await self._events.before(
                conversation, call.user, query.get("before_seq"), query["limit"]
            )
        return Reply(
            {
                "events": [event_json(event) for event in page.events],
                "head_seq": page.head_seq,
                "first_seq": page.first_seq,
            }
        )

    async def send(self, call: Call) -> Reply:
        """POST …/messages; what one has written, one has read (in a thread, only the thread)."""
        trace = call.request[TRACE_ID]
        try:
            message = draft(
                call.path["conversation"], call.user, call.body["client_msg_id"],
                call.body["body"], trace=trace,
            )  # fmt: skip
        except BadMessage as error:
            if error.field == "conversation":  # not an id, hence nobody's
                raise Problem(ErrorCode.NOT_FOUND, "There is no such conversation.") from None
            raise Problem(ErrorCode.INVALID, str(error), field=error.field) from None
        (result,) = await self._batcher.submit([message])
        if isinstance(result, NotAppended):
            raise problem_of(result)
        if not result.repeat:
            read = 0 if message.thread else result.seq
            await self._move(ReceiptMark(call.user, result.conversation, result.seq, read))
        return Reply(sent_json(result), status=200 if result.repeat else 201)

    async def move(self, call: Call) -> Reply:
        """POST …/receipts"""
        delivered = call.body.get("delivered_seq", 0)
        read = call.body.get("read_seq", 0)
        refusal = await self._move(
            ReceiptMark(call.user, call.path["conversation"], delivered, read)
        )
        if refusal is not None:
            field = "read_seq" if read >= delivered else "delivered_seq"
            raise problem_of(refusal, field if refusal.field == "seq" else refusal.field)
        return Reply({})

    async def _move(self, mark: ReceiptMark) -> NotAppended | None:
        moved = await self._receipts.move([mark])
        self._publisher.signal(moved.signals)
        return moved.results[0]


def problem_of(refusal: NotAppended, field: str | None = None) -> Problem:
    """The refusal of a message or of marks, as REST tells it."""
    field = refusal.field if field is None else field
    if field == "conversation":
        field = ""  # it stands in the path
    elif field == "id":
        field = "client_msg_id"
    return Problem(
        refusal.code, refusal.message, field=field, retry_after_ms=refusal.retry_after_ms
    )
