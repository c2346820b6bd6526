"""Calls between services: tokens, fail-over, typed refusals."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.codes import ErrorCode
from shared.internal import HeadsReply, HeadsRequest, MembersReply
from shared.problems import Problem, problem_response
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable, ServiceTokens

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Peer:
    """auth and api in one small server: gives numbered tokens, answers as it is told."""

    def __init__(self) -> None:
        self.tokens_given = 0
        self.credentials = ""
        self.calls: list[str] = []
        self.answer: Handler = self.fine
        app = web.Application()
        app.router.add_post("/connect/token", self.token)
        app.router.add_route("*", "/internal/v1/{tail:.*}", self.call)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def token(self, request: web.Request) -> web.Response:
        self.credentials = request.headers["Authorization"]
        self.tokens_given += 1
        return web.json_response({"access_token": f"t{self.tokens_given}", "expires_in": 300})

    async def call(self, request: web.Request) -> web.Response:
        self.calls.append(request.headers["Authorization"])
        return await self.answer(request)

    async def fine(self, _: web.Request) -> web.Response:
        return web.json_response({"cursor": "c", "heads": {}})


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.server.start_server()
    yield peer
    await peer.server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def client(peer: Peer, http: aiohttp.ClientSession, *urls: str) -> ApiClient:
    tokens = ServiceTokens(peer.url, "gateway", "s3cret", http)
    return ApiClient(urls or [peer.url], tokens, http)


async def heads(api: ApiClient) -> HeadsReply:
    return await api.call("POST", "/internal/v1/heads", HeadsRequest([]), HeadsReply)


async def test_one_token_serves_many_calls(peer: Peer, http: aiohttp.ClientSession) -> None:
    api = client(peer, http)
    assert (await heads(api)).cursor == "c"
    await heads(api)
    assert peer.calls == ["Bearer t1", "Bearer t1"]
    assert base64.b64decode(peer.credentials.removeprefix("Basic ")) == b"gateway:s3cret"


async def test_a_token_that_is_not_accepted_is_replaced(
    peer: Peer, http: aiohttp.ClientSession
) -> None:
    async def only_second(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer t1":
            return web.Response(status=401)
        return await peer.fine(request)

    peer.answer = only_second
    await heads(client(peer, http))
    assert peer.calls == ["Bearer t1", "Bearer t2"]


async def test_a_dead_replica_is_passed_over_and_the_living_one_remembered(
    peer: Peer, http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    api = client(peer, http, f"http://127.0.0.1:{unused_tcp_port}", peer.url)
    await heads(api)
    await heads(api)
    assert len(peer.calls) == 2


async def test_a_refusal_is_typed_and_not_tried_again(
    peer: Peer, http: aiohttp.ClientSession
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return problem_response(Problem(ErrorCode.CONFLICT, "taken", field="handle"))

    peer.answer = refuse
    with pytest.raises(ApiRefused) as caught:
        await heads(client(peer, http))
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.detail, refusal.field) == (
        409, "conflict", "taken", "handle",
    )  # fmt: skip
    assert len(peer.calls) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"cursor": 5}'])
async def test_an_answer_that_cannot_be_read_is_unavailable(
    peer: Peer, http: aiohttp.ClientSession, body: bytes
) -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    peer.answer = nonsense
    with pytest.raises(ApiUnavailable):
        await heads(client(peer, http))


async def test_errors_of_the_server_are_tried_twice(
    peer: Peer, http: aiohttp.ClientSession
) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=503)

    peer.answer = broken
    with pytest.raises(ApiUnavailable):
        await heads(client(peer, http))
    assert len(peer.calls) == 2


async def test_msgpack_is_read_by_its_content_type(peer: Peer, http: aiohttp.ClientSession) -> None:
    reply = MembersReply(3, [])

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=msgspec.msgpack.encode(reply), content_type="application/msgpack")

    peer.answer = packed
    api = client(peer, http)
    assert await api.call("GET", "/internal/v1/x", None, MembersReply) == reply
