"""The edge: who answers which path, and what never gets through."""

from __future__ import annotations

import asyncio
import gzip
import io
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from standalone.ports import free_port
from standalone.servers.caddy import Caddy
from standalone.stack import START_PAGE


@dataclass
class Upstream:
    """A service behind the edge that tells what reached it."""

    name: str
    requests: list[web.Request] = field(default_factory=list)
    breaks: bool = False  # drop the connection instead of answering

    async def start(self) -> None:
        app = web.Application(client_max_size=10 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)
        await self.server.start_server()
        self.address = f"127.0.0.1:{self.server.port}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(f"{self.name}: {message.data}")
            return socket
        await request.read()
        return web.json_response({"who": self.name, "headers": dict(request.headers)})


@dataclass
class Edge:
    """Caddy and what is behind it: one auth, two apis, two gateways."""

    url: URL
    http: aiohttp.ClientSession
    upstreams: dict[str, Upstream]

    async def who(self, path: str, **options: object) -> str:
        """Who answers a GET: an upstream's name, `files`, or the status."""
        url = URL(str(self.url) + path, encoded=True)
        async with self.http.get(url, **options) as answer:  # type: ignore[arg-type]
            if answer.content_type == "application/json":
                return str((await answer.json())["who"])
            return "files" if answer.status == 200 else str(answer.status)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    names = ("auth", "api-1", "api-2", "gateway-1", "gateway-2")
    upstreams = {name: Upstream(name) for name in names}
    for upstream in upstreams.values():
        await upstream.start()
    # Below a folder with a dot, as a checkout or data folder may be, and with a file to hide.
    files = shutil.copytree(START_PAGE, tmp_path / ".below" / "files")
    (files / ".hidden").write_text("not for the world")
    caddy = Caddy(
        tmp_path / "edge",
        port=free_port(),
        auth=[upstreams["auth"].address],
        api=[upstreams["api-1"].address, upstreams["api-2"].address],
        gateway=[upstreams["gateway-1"].address, upstreams["gateway-2"].address],
        files=files,
        log=tmp_path / "edge.log",
        issuer="http://127.0.0.1:8080",
    )
    try:
        await asyncio.to_thread(caddy.start)
        async with aiohttp.ClientSession() as http:
            yield Edge(URL(caddy.url), http, upstreams)
    finally:
        await asyncio.to_thread(caddy.stop)
        for upstream in upstreams.values():
            await upstream.server.close()


async def test_each_path_goes_to_its_service(edge: Edge) -> None:
    expected = {
        "/": "files",
        "/start.css": "files",
        "/callback?code=x&state=y": "files",
        "/.well-known/openid-configuration": "auth",
        "/connect/token": "auth",
        "/static/auth/page.css": "auth",
        "/v1/me": "api",
        "/v1/conversations/x/events?after_seq=3": "api",
        "/ws": "gateway",
    }
    assert {path: (await edge.who(path)).split("-")[0] for path in expected} == expected


CLOSED = [
    "/internal/v1/messages",
    "/internal",
    "/INTERNAL/v1/messages",
    "//internal/v1/messages",
    "/v1/../internal/v1/messages",
    "/v1/%2e%2e/internal/v1/messages",
    "/v1/..%2finternal/v1/messages",
    "/v1%2f..%2finternal/v1/messages",
    "/connect/../metrics",
    "/ws/../internal/v1/messages",
    "/metrics",
    "/healthz",
    "/readyz",
    "/v1",
    "/v2/me",
    "/ws/x",
    "/static/other.css",
    "/Caddyfile",
    "/../Caddyfile",
    "/.hidden",
    "/nothing",
]


@pytest.mark.parametrize("path", ["/", "/connect/signin?next=/connect/device", "/callback?a=%2F"])
async def test_pages_at_localhost_move_to_the_issuer(edge: Edge, path: str) -> None:
    headers = {"Host": f"localhost:{edge.url.port}"}
    url = URL(f"{edge.url.origin()}{path}", encoded=True)
    async with edge.http.get(url, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"] == f"http://127.0.0.1:8080{path}"
    async with edge.http.post(url, headers=headers, allow_redirects=False) as answer:
        assert answer.status != 302
    async with edge.http.get(edge.url / "v1/limits", headers=headers) as answer:
        assert (await answer.json())["who"].startswith("api")


async def test_nothing_else_gets_through(edge: Edge) -> None:
    assert {path: await edge.who(path) for path in CLOSED} == dict.fromkeys(CLOSED, "404")
    assert [name for name, upstream in edge.upstreams.items() if upstream.requests] == []


async def test_a_client_cannot_claim_another_address(edge: Edge) -> None:
    claims = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/x",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Request-Id": "kept",
    }
    async with edge.http.get(edge.url / "v1/me", headers=claims) as answer:
        received = (await answer.json())["headers"]
    seen = {name.lower(): value for name, value in received.items()}
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-request-id"] == "kept"
    assert not {"x-forwarded-prefix", "x-real-ip", "forwarded"} & set(seen)


async def test_a_body_above_the_limit_is_refused(edge: Edge) -> None:
    for size_bytes, status in ((1000 * 1000, 200), (1000 * 1000 + 1, 413)):
        body = io.BytesIO(b"x" * size_bytes)
        async with edge.http.post(edge.url / "v1/x", data=body) as answer:
            assert answer.status == status


async def test_frames_pass_both_ways(edge: Edge) -> None:
    async with edge.http.ws_connect(edge.url / "ws") as socket:
        await socket.send_str("hello")
        assert str(await socket.receive_str(timeout=5)).endswith(": hello")


async def test_open_sockets_are_shared_out_evenly(edge: Edge) -> None:
    for _ in range(4):
        socket = await edge.http.ws_connect(edge.url / "ws")
        await socket.send_str("x")
        await socket.receive_str(timeout=5)
    shares = [len(edge.upstreams[name].requests) for name in ("gateway-1", "gateway-2")]
    assert shares == [2, 2]


async def test_another_replica_answers_for_one_that_is_down(edge: Edge) -> None:
    await edge.upstreams["api-1"].server.close()
    for _ in range(4):
        assert await edge.who("/v1/me") == "api-2"
        # Nothing was sent to the one that is down, so that a POST may be tried elsewhere too.
        async with edge.http.post(edge.url / "v1/x", data=b"x") as answer:
            assert (await answer.json())["who"] == "api-2"


async def test_only_a_get_is_sent_twice(edge: Edge) -> None:
    apis = [edge.upstreams["api-1"], edge.upstreams["api-2"]]
    for api in apis:
        api.breaks = True
    async with edge.http.post(edge.url / "v1/x", data=b"x") as answer:
        assert answer.status == 502
        assert answer.content_type == "application/problem+json"
        assert (await answer.json(content_type=None))["status"] == 502
    assert sum(len(api.requests) for api in apis) == 1
    apis[0].requests.clear()
    apis[1].requests.clear()
    async with edge.http.get(edge.url / "v1/x") as answer:
        assert answer.status in (502, 503)
    assert sum(len(api.requests) for api in apis) > 1


async def test_the_page_is_small_and_carries_its_defences(edge: Edge) -> None:
    async with edge.http.get(
        edge.url, headers={"Accept-Encoding": "gzip"}, auto_decompress=False
    ) as answer:
        page = gzip.decompress(await answer.read()).decode()
        headers = answer.headers
    assert headers["Content-Encoding"] == "gzip"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"
    assert "Server" not in headers
    assert "<h1>AgileIM is running</h1>" in page
    assert "style=" not in page  # the policy forbids it
    assert "<script" not in page
