"""Traces of messages: from the sender's frame through all services to the recipients' sockets.

Off unless an endpoint is set; then :data:`active` is None, and each place that could record a span
asks only that. On, a share of the messages is traced: whoever sees a message first decides, and
says so by handing on a W3C ``traceparent`` (https://www.w3.org/TR/trace-context/) as the message's
trace id. Later services record spans for what carries one, and look at nothing else.

Messages travel in batches. What is done for a batch at once (a transaction, a write to Redis) is
recorded in the trace of each message in it, and linked to one span of the batch.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span as SdkSpan
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, SpanContext

_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
_PARENT_CHARS: Final = 55
_SAMPLED: Final = 0x01

Value = str | int | float | bool


class Span:
    """Something that takes time, in a trace. ``traceparent`` names it to others."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: SdkSpan) -> None:
        self._span = span
        context = span.get_span_context()
        assert context is not None
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-01"

    def end(self, **attributes: Value) -> None:
        """It is over."""
        self._span.set_attributes(attributes)
        self._span.end()


class Tracing:
    """Makes spans and hands them to an exporter, in a thread of its own."""

    def __init__(
        self,
        provider: TracerProvider,
        ratio: float,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        from opentelemetry import trace

        self._api = trace
        self._provider = provider
        self._tracer = provider.get_tracer("agileim")
        self._ratio = ratio
        self._chance = chance

    def begin(self, name: str, parent: str = "", **attributes: Value) -> Span | None:
        """A message is seen for the first time; None: it is one of those that are not traced.

        ``parent``: what the client called it. When that is a traceparent, its trace is continued;
        whether it is recorded is decided here, or a client could have everything recorded.
        """
        if self._chance() >= self._ratio:
            return None
        return self._start(name, parent, time.time_ns(), (), attributes)

    def child(self, name: str, parent: str, **attributes: Value) -> Span | None:
        """A part of what is being traced; None: it is not."""
        if not is_traced(parent):
            return None
        return self._start(name, parent, time.time_ns(), (), attributes)

    def record(
        self, name: str, parents: Iterable[str], started_ns: int, **attributes: Value
    ) -> None:
        """Something that was done until now, for each of these that is traced; when for several,
        linked to one span of the whole."""
        traced = [parent for parent in dict.fromkeys(parents) if is_traced(parent)]
        if not traced:
            return
        links: list[Link] = []
        if len(traced) > 1:
            contexts = (self._context(parent) for parent in traced)
            every = [self._api.Link(context) for context in contexts if context is not None]
            whole = self._start(
                f"{name} batch", "", started_ns, every, {**attributes, "messages": len(traced)}
            )
            context = self._context(whole.traceparent)
            links = [self._api.Link(context)] if context is not None else []
            whole.end()
        for parent in traced:
            self._start(name, parent, started_ns, links, attributes).end()

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.shutdown()

    def _start(
        self,
        name: str,
        parent: str,
        started_ns: int,
        links: Sequence[Link],
        attributes: dict[str, Any],
    ) -> Span:
        context = None
        if (known := self._context(parent)) is not None:
            context = self._api.set_span_in_context(self._api.NonRecordingSpan(known))
        else:
            context = self._api.set_span_in_context(self._api.INVALID_SPAN)
        span: Any = self._tracer.start_span(
            name, context=context, start_time=started_ns, links=links, attributes=attributes
        )
        return Span(span)

    def _context(self, traceparent: str) -> SpanContext | None:
        match = _PARENT.match(traceparent)
        if match is None:
            return None
        trace, span = int(match[1], 16), int(match[2], 16)
        if not trace or not span:  # section 3.2.2.3: all zeros are invalid
            return None
        flags = self._api.TraceFlags(_SAMPLED)
        return self._api.SpanContext(trace, span, is_remote=True, trace_flags=flags)


active: Tracing | None = None  # the process's; None: nothing is traced


def is_traced(trace: str) -> bool:
    """Whether a message's trace id says that it is being traced."""
    match = _PARENT.match(trace)
    return match is not None and bool(int(match[3], 16) & _SAMPLED)


def untraced(trace: str) -> str:
    """A message's trace id, changed if need be so that nobody records spans for it."""
    return trace[:-2] + "00" if len(trace) == _PARENT_CHARS and is_traced(trace) else trace


def configure(service: str, instance: str, url: str, ratio: float) -> None:
    """Trace this share of the messages to an OTLP endpoint, e.g. http://collector:4318/v1/traces.
    Without a URL nothing is imported."""
    global active
    if not url or ratio <= 0:
        active = None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(
        {
            "service.name": f"agileim-{service}",
            "service.instance.id": instance,
            "process.pid": os.getpid(),
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    active = Tracing(provider, ratio)


def shutdown() -> None:
    """Hand over what is left, at the end of the process."""
    global active
    if active is not None:
        active.close()
        active = None
