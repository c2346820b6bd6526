"""Sends that wait while others are being committed share the next transaction."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from services.api.domain.message import Draft
from services.api.metrics import ApiMetrics
from services.api.publisher import Publisher
from services.api.store.errors import StoreError
from services.api.store.sends import Batch, SendResult, Sends
from shared import tracing
from shared.codes import ErrorCode
from shared.crashpoints import crash_here
from shared.internal import Appended, NotAppended
from shared.logs import get_logger

BATCH_MAX: Final = 256  # messages in a transaction; beyond, nothing more is saved
WORKERS: Final = 2  # one that waits for a lock must not stop all others; more only thin the batches
QUEUE_MAX: Final = 4096  # messages that may wait: about a second's worth, then callers are told
RETRY_AFTER_MS: Final = 1000

_UNAVAILABLE: Final = NotAppended(
    ErrorCode.UNAVAILABLE, "The message may not be stored: try again.", "", RETRY_AFTER_MS
)
_BUSY: Final = NotAppended(ErrorCode.UNAVAILABLE, "Too busy: try again.", "", RETRY_AFTER_MS)
_BROKEN: Final = NotAppended(ErrorCode.INTERNAL, "Something went wrong on our side.")

_Waiting = tuple[Sequence[Draft], "asyncio.Future[list[SendResult]]"]


class Batcher:
    """The one way in for messages, from gateways and REST alike."""

    def __init__(self, sends: Sends, publisher: Publisher, metrics: ApiMetrics) -> None:
        self._sends = sends
        self._publisher = publisher
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()

    async def submit(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Store messages; what became of each, in their order, once that is known.

        Never raises for PostgreSQL's faults: they are results.
        """
        if self._queued + len(drafts) > QUEUE_MAX:
            return self._counted([_BUSY] * len(drafts))
        answer: asyncio.Future[list[SendResult]] = asyncio.get_running_loop().create_future()
        self._waiting.append((drafts, answer))
        self._queued += len(drafts)
        self._arrived.set()
        return await answer

    async def work(self) -> None:
        """Take what waits and store it, for ever; WORKERS of these run side by side."""
        while True:
            await self._arrived.wait()
            groups = self._take()
            if not groups:
                self._arrived.clear()
                continue
            drafts = [one for group, _ in groups for one in group]
            results = await self._store(drafts)
            start = 0
            for group, answer in groups:
                if not answer.done():  # done: the caller was cancelled
                    answer.set_result(results[start : start + len(group)])
                start += len(group)

    def _take(self) -> list[_Waiting]:
        groups: list[_Waiting] = []
        size = 0
        while self._waiting and (not groups or size + len(self._waiting[0][0]) <= BATCH_MAX):
            groups.append(self._waiting.popleft())
            size += len(groups[-1][0])
        self._queued -= size
        return groups

    async def _store(self, drafts: Sequence[Draft]) -> list[SendResult]:
        if tracing.active is None:
            return await self._append(drafts)
        drafts, spans = _begun(tracing.active, drafts)
        started_ns = time.time_ns()
        results = await self._append(drafts)
        traces = [one.trace for one in drafts]
        tracing.active.record("postgresql.commit", traces, started_ns, batch=len(drafts))
        for span, result in zip(spans, results, strict=True):
            if span is not None:
                span.end(outcome=type(result).__name__)
        return results

    async def _append(self, drafts: Sequence[Draft]) -> list[SendResult]:
        started = time.perf_counter()
        try:
            batch = await self._sends.append(drafts)
        except StoreError as error:
            get_logger().warning("sends_not_stored", messages=len(drafts), error=str(error))
            return self._counted([_UNAVAILABLE] * len(drafts))
        except Exception:
            get_logger().exception("sends_failed", messages=len(drafts))
            return await self._one_by_one(drafts)
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        self._metrics.batch_messages.observe(len(drafts))
        return self._publish(batch)

    async def _one_by_one(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """After a fault of our own: the message that brings it out harms only itself."""
        results: list[SendResult] = []
        for one in drafts:
            try:
                results += self._publish(await self._sends.append([one]))
            except StoreError:
                results += self._counted([_UNAVAILABLE])
            except Exception:
                get_logger().exception("send_failed", conversation=one.conversation)
                results += self._counted([_BROKEN])
        return results

    def _publish(self, batch: Batch) -> list[SendResult]:
        crash_here("api.after_commit")
        self._publisher.offer(batch.events, batch.outbox_ids)
        return self._counted(batch.results)

    def _counted(self, results: list[SendResult]) -> list[SendResult]:
        counts = Counter(
            ("repeat" if one.repeat else "stored") if isinstance(one, Appended) else one.code.value
            for one in results
        )
        for result, count in counts.items():
            self._metrics.sends.labels(result).inc(count)
        return results


def _begun(
    traces: tracing.Tracing, drafts: Sequence[Draft]
) -> tuple[list[Draft], list[tracing.Span | None]]:
    """The drafts with the traces that they go on with, and the spans of those that are traced. What
    no gateway has seen came by REST, and is seen here first."""
    spans, begun = [], []
    for one in drafts:
        begin = traces.child if one.origin else traces.begin
        span = begin("api.append", one.trace)
        trace = span.traceparent if span is not None else tracing.untraced(one.trace)
        spans.append(span)
        begun.append(one if trace == one.trace else msgspec.structs.replace(one, trace=trace))
    return begun, spans
