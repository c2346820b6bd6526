"""One message, one trace: real processes, and a collector that speaks OTLP over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from shared.ids import new_id
from standalone.provision import Person, Provision
from standalone.stack import Options, Stack

PARENT = "00-" + "1a" * 16 + "-" + "2b" * 8 + "-01"


@dataclass
class Seen:
    """A span as it came in."""

    name: str
    process: str
    id: str
    parent: str
    start: int
    end: int


@dataclass
class Collector:
    """Keeps what is sent to it, by trace."""

    traces: dict[str, list[Seen]] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        body = ExportTraceServiceRequest.FromString(await request.read())
        for resource in body.resource_spans:
            facts = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.traces.setdefault(span.trace_id.hex(), []).append(
                        Seen(
                            span.name, facts["service.instance.id"], span.span_id.hex(),
                            span.parent_span_id.hex(), span.start_time_unix_nano,
                            span.end_time_unix_nano,
                        )
                    )  # fmt: skip
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    kept = Collector()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/traces", kept.take)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield kept, str(server.make_url("/v1/traces"))
    finally:
        await server.close()


@asynccontextmanager
async def socket(stack: Stack, gateway: str, person: Person) -> AsyncIterator[Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(stack.service_url(gateway) + "/ws", protocols=("agileim.v1",)) as one,
    ):
        await one.send_json({"type": "hello", "token": person.access_token})
        assert (await one.receive_json())["type"] == "welcome"
        yield one


async def frame(socket: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            got: dict[str, Any] = json.loads((await socket.receive()).data)
            if got["type"] == kind:
                return got


async def test_a_message_is_one_trace_from_frame_to_socket(tmp_path: Path) -> None:
    async with collector() as (kept, url):
        stack = Stack(
            Options(
                data=tmp_path / "data", port=0, edge=False, auto_restart=False, durable=False,
                harness=True, counts={"gateway": 2},
                env={
                    "AGILEIM_TRACES_URL": url, "AGILEIM_TRACES_RATIO": "1",
                    "OTEL_BSP_SCHEDULE_DELAY": "100",
                },
            )
        )  # fmt: skip
        await asyncio.to_thread(stack.start)
        try:
            await talk(stack)
        finally:
            await asyncio.to_thread(stack.stop)  # hands over what is left
        check(kept)


async def talk(stack: Stack) -> None:
    async with Provision(
        auth_url=stack.service_url("auth-1"), api_url=stack.service_url("api-1"),
        client_id="harness", client_secret=stack.client_secret("harness"),
    ) as service:  # fmt: skip
        anna, ben = await service.people(2)
        room = await service.group(anna, [ben])
        async with (
            socket(stack, "gateway-1", anna) as sending,
            socket(stack, "gateway-2", ben) as hearing,
        ):
            await sending.send_json(
                {
                    "type": "send", "id": new_id(), "conversation": room,
                    "body": {"text": "traced"}, "trace": PARENT,
                }
            )  # fmt: skip
            await frame(sending, "sent")
            event = await frame(hearing, "event")
            while event["kind"] != "message":
                event = await frame(hearing, "event")
            path = f"/v1/conversations/{room}/messages"
            body = {"client_msg_id": new_id(), "body": {"text": "by REST"}}
            await service.rest(ben, "POST", path, body)
            await frame(sending, "event")


def check(kept: Collector) -> None:
    spans = kept.traces["1a" * 16]
    by_name = {span.name: span for span in spans}
    assert len(by_name) == len(spans), "a stage was recorded twice"
    assert {span.name: span.process for span in spans} == {
        "gateway.send": "gateway-1",
        "api.append": "api-1",
        "postgresql.commit": "api-1",
        "redis.publish": "api-1",
        "dispatcher.route": "dispatcher-1",
        "gateway.deliver": "gateway-2",
    }
    assert by_name["gateway.send"].parent == "2b" * 8  # the client's own span
    assert by_name["api.append"].parent == by_name["gateway.send"].id
    append = by_name["api.append"].id
    for name in ("postgresql.commit", "redis.publish", "dispatcher.route", "gateway.deliver"):
        assert by_name[name].parent == append
    # One machine, one clock: the order of things is the order of their beginnings.
    order = ["gateway.send", "api.append", "postgresql.commit", "redis.publish"]
    starts = [by_name[name].start for name in (*order, "gateway.deliver")]
    assert starts == sorted(starts)
    assert by_name["gateway.deliver"].start >= by_name["dispatcher.route"].start
    # What came by REST has a trace of its own, without a sender's gateway.
    others = [trace for key, trace in kept.traces.items() if key != "1a" * 16]
    rest = [trace for trace in others if any(span.name == "api.append" for span in trace)]
    assert len(rest) == 1
    assert {span.name for span in rest[0]} == {
        "api.append", "postgresql.commit", "redis.publish", "dispatcher.route", "gateway.deliver",
    }  # fmt: skip
