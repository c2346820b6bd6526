"""Messages on their way to api, gathered while a request is in flight.

One request at a time: with more of them batches get smaller and the whole slower. No timer: a
message that finds none in flight goes at once.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.gateway.connection import Connection
from services.gateway.metrics import GatewayMetrics
from services.gateway.receipts import Receipts
from services.gateway.stopping import Stop
from shared import tracing
from shared.codes import ErrorCode
from shared.frames import Refused, Send, Sent
from shared.internal import Appended, AppendReply, AppendRequest, NewMessage, NotAppended
from shared.limits import SEND_BATCH_MAX
from shared.logs import get_logger
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable

PATH: Final = "/internal/v1/messages"
TRY_TIMEOUT_S: Final = 5.0  # for one replica
TOTAL_TIMEOUT_S: Final = 8.0  # then the sender is told, and retries with the same id
RETRY_AFTER_MS: Final = 1_000
BATCH_MAX_BYTES: Final = 512 * 1024  # half of what api takes in one request
_TRACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")  # it becomes a header: nothing else may pass
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})

_NOT_PLAIN: Final = NotAppended(ErrorCode.INVALID, "values in it must be plain", "body")
_BROKEN: Final = NotAppended(ErrorCode.INTERNAL, "something went wrong on our side")
_UNAVAILABLE: Final = NotAppended(
    ErrorCode.UNAVAILABLE, "messages cannot be stored now", retry_after_ms=RETRY_AFTER_MS
)


def _is_plain(value: object) -> bool:
    """No nesting, but for lists of plain values: the ids of attachments."""
    if type(value) is list:
        return all(type(one) in _PLAIN for one in value)
    return type(value) in _PLAIN


@dataclass(slots=True)
class Waiting:
    """One message that has no answer yet."""

    connection: Connection
    message: NewMessage
    since: float  # of the clock, s
    size: int  # of its frame, bytes
    span: tracing.Span | None = None


class Sends:
    """The batcher."""

    def __init__(
        self,
        api: ApiClient,
        receipts: Receipts,
        metrics: GatewayMetrics,
        *,
        stop: Stop,
        clock: Callable[[], float],
        log_messages: bool = False,
    ) -> None:
        self._api = api
        self._receipts = receipts
        self._metrics = metrics
        self._stop = stop
        self._clock = clock
        self._log_messages = log_messages
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        stop.wakes(self._wake.set)
        self._trace_prefix = os.urandom(6).hex()
        self._traces = 0

    def submit(self, connection: Connection, send: Send, size: int) -> None:
        """Take a message; the connection gets `sent` or `refused` in bounded time. ``size``: of
        its frame, in bytes."""
        trace = send.trace if _TRACE.match(send.trace) else self._new_trace()
        trace, span = _begun(trace)
        message = NewMessage(
            send.conversation,
            connection.session.user,
            send.id,
            send.body,
            connection.id,
            trace,
        )
        waiting = Waiting(connection, message, self._clock(), size, span)
        # Deep nesting could be too much for api's reader, and others share the request.
        if not all(map(_is_plain, send.body.values())):
            self._answer(waiting, _NOT_PLAIN)
            return
        self._queue.append(waiting)
        self._wake.set()

    def _new_trace(self) -> str:
        # Unique is enough, and a counter is cheap.
        self._traces += 1
        return f"{self._trace_prefix}-{self._traces:x}"

    async def run(self) -> None:
        """Send until the service stops and nothing waits any more."""
        while True:
            while self._queue:
                await self._send(self._next_batch())
            if self._stop:
                return
            self._wake.clear()
            await self._wake.wait()

    def _next_batch(self) -> list[Waiting]:
        queue, batch, size = self._queue, [self._queue.popleft()], 0
        while queue and len(batch) < SEND_BATCH_MAX and size < BATCH_MAX_BYTES:
            batch.append(queue.popleft())
            size += batch[-1].size
        return batch

    async def _send(self, batch: list[Waiting]) -> None:
        self._metrics.batch_messages.observe(len(batch))
        try:
            results = await self._append(batch)
        except ApiRefused as error:
            if len(batch) > 1:  # one of them is the reason: not the others' fault
                for waiting in batch:
                    await self._send([waiting])
                return
            get_logger().error("message_batch_refused", code=error.code, detail=error.detail)
            results = [_refusal(error)]
        except ApiUnavailable as error:
            get_logger().warning("messages_not_stored", count=len(batch), error=str(error))
            # Who has waited longer than the time for an answer is told now, not after a next try.
            expired_at = self._clock() - TOTAL_TIMEOUT_S
            while self._queue and self._queue[0].since <= expired_at:
                batch.append(self._queue.popleft())
            results = [_UNAVAILABLE] * len(batch)
        except Exception:  # no one message may stop all the others
            get_logger().exception("message_batch_failed", count=len(batch))
            results = [_BROKEN] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            self._answer(waiting, result)

    async def _append(self, batch: list[Waiting]) -> list[Appended | NotAppended]:
        """Raises :class:`ApiRefused`, :class:`ApiUnavailable`."""
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_S):
                reply = await self._api.call(
                    "POST",
                    PATH,
                    AppendRequest([waiting.message for waiting in batch]),
                    AppendReply,
                    timeout_s=TRY_TIMEOUT_S,
                    trace_id=batch[0].message.trace,
                )
        except TimeoutError as error:
            raise ApiUnavailable("no answer in time") from error
        if len(reply.results) != len(batch):
            raise ApiUnavailable("an answer to something else")
        return reply.results

    def _answer(self, waiting: Waiting, result: Appended | NotAppended) -> None:
        connection, message = waiting.connection, waiting.message
        connection.session.answered()
        if waiting.span is not None:
            waiting.span.end(outcome=type(result).__name__)
        if isinstance(result, NotAppended):
            self._metrics.refusals[result.code] += 1
            connection.reply(
                Refused(
                    message.client_msg_id,
                    result.code,
                    result.message,
                    result.field,
                    result.retry_after_ms,
                )
            )
            return
        self._metrics.send_seconds.observe(self._clock() - waiting.since)
        connection.sent(result.conversation, result.seq)
        connection.reply(
            Sent(
                message.client_msg_id,
                result.conversation,
                result.seq,
                result.number,
                result.time,
                result.repeat,
            )
        )
        # Who writes has read, and has got what was written; in a thread, only the thread.
        mark = self._receipts.delivered if message.body.get("thread") else self._receipts.read
        mark(message.sender, result.conversation, result.seq)
        if self._log_messages:
            get_logger().debug(
                "message_accepted", trace_id=message.trace, conn_id=connection.id,
                user_id=message.sender, conversation=result.conversation, seq=result.seq,
            )  # fmt: skip


def _begun(trace: str) -> tuple[str, tracing.Span | None]:
    """The trace that a message goes on with, and its first span, if it is one of the traced."""
    span = tracing.active.begin("gateway.send", trace) if tracing.active is not None else None
    return (span.traceparent, span) if span is not None else (tracing.untraced(trace), None)


def _refusal(error: ApiRefused) -> NotAppended:
    if error.status in (401, 403):  # this gateway's own credentials: not the sender's doing
        return _UNAVAILABLE
    try:
        code = ErrorCode(error.code)
    except ValueError:
        code = ErrorCode.INTERNAL
    return NotAppended(code, error.detail, error.field)
