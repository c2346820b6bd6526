"""Spans, by the SDK's own exporter in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.tracing import Tracing

CLIENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    yield memory
    memory.shutdown()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made = Tracing(provider, 0.5, chance=lambda: 0.4)
    yield made
    made.close()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_clients_trace_is_continued(traces: Tracing, exporter: InMemorySpanExporter) -> None:
    first = traces.begin("gateway.send", CLIENT)
    assert first is not None
    traces.record("dispatcher.route", [first.traceparent], 1)
    first.end(outcome="Appended")
    spans = by_name(exporter)
    send, route = spans["gateway.send"], spans["dispatcher.route"]
    assert send.parent is not None
    assert send.context is not None
    assert f"{send.context.trace_id:032x}" == "ab" * 16
    assert f"{send.parent.span_id:016x}" == "cd" * 8
    assert route.parent is not None
    assert route.parent.span_id == send.context.span_id
    assert route.start_time == 1


def test_a_plain_name_begins_a_new_trace(traces: Tracing, exporter: InMemorySpanExporter) -> None:
    one, other = traces.begin("a", "my-own-name"), traces.begin("b")
    assert one is not None
    assert other is not None
    assert one.traceparent[3:35] != other.traceparent[3:35]
    assert tracing.is_traced(one.traceparent)


@pytest.mark.parametrize(
    "trace",
    ["", "6f00aa-1", CLIENT[:-1] + "0", "00-" + "0" * 32 + "-" + "cd" * 8 + "-00", CLIENT + "x"],
)
def test_what_is_not_traced_is_not_recorded(
    traces: Tracing, exporter: InMemorySpanExporter, trace: str
) -> None:
    assert traces.child("a", trace) is None
    traces.record("b", [trace], 1)
    assert exporter.get_finished_spans() == ()


def test_a_client_cannot_have_itself_recorded(exporter: InMemorySpanExporter) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    rare = Tracing(provider, 0.01, chance=lambda: 0.5)
    assert rare.begin("gateway.send", CLIENT) is None
    assert not tracing.is_traced(tracing.untraced(CLIENT))
    assert tracing.untraced("my-own-name") == "my-own-name"
    rare.close()


def test_a_batch_is_in_each_messages_trace_and_linked(
    traces: Tracing, exporter: InMemorySpanExporter
) -> None:
    messages = [traces.begin("gateway.send") for _ in range(3)]
    parents = [one.traceparent for one in messages if one is not None]
    traces.record("postgresql.commit", [*parents, parents[0], "not-traced"], 5, batch=9)
    spans = exporter.get_finished_spans()
    (whole,) = [span for span in spans if span.name == "postgresql.commit batch"]
    parts = [span for span in spans if span.name == "postgresql.commit"]
    assert len(parts) == len(whole.links) == 3
    assert whole.attributes is not None
    assert dict(whole.attributes) == {"batch": 9, "messages": 3}
    assert whole.context is not None
    for span in parts:
        assert [link.context.span_id for link in span.links] == [whole.context.span_id]


def test_off_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "active", None)
    tracing.configure("api", "api-1", "", 1.0)
    assert tracing.active is None
    tracing.configure("api", "api-1", "http://127.0.0.1:4318/v1/traces", 0.0)
    assert tracing.active is None
    tracing.shutdown()
