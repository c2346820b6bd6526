"""A small real HTTP server in the place of auth and api: keys, service tokens, and api's internal
calls over a log in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from aiohttp import web

from shared.codes import ErrorCode
from shared.internal import (
    Appended,
    AppendReply,
    AppendRequest,
    HeadsReply,
    HeadsRequest,
    NewMessage,
    NotAppended,
    ReceiptMark,
    ReceiptsReply,
    ReceiptsRequest,
)
from tests.gateway.issuer import Issuer

T = TypeVar("T")


class Backend:
    """Keeps messages by (sender, client_msg_id), as api does."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.messages: list[NewMessage] = []
        self.marks: list[ReceiptMark] = []
        self.batches: list[int] = []
        self.heads: dict[str, list[tuple[str, int]]] = {}
        self.answering = asyncio.Event()  # cleared: requests hang
        self.answering.set()
        self.down = False  # answers 503
        self._stored: dict[tuple[str, str], Appended] = {}
        self._seqs: dict[str, int] = {}
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/jwks.json", self._jwks)
        app.router.add_post("/connect/token", self._token)
        app.router.add_post("/internal/v1/messages", self._messages)
        app.router.add_post("/internal/v1/receipts", self._receipts)
        app.router.add_post("/internal/v1/heads", self._heads)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.answering.set()
        assert self._runner is not None
        await self._runner.cleanup()

    def mark(self, user: str, conversation: str) -> tuple[int, int]:
        """The highest delivered and read marks that were reported."""
        own = [m for m in self.marks if (m.user, m.conversation) == (user, conversation)]
        return max((m.delivered for m in own), default=0), max((m.read for m in own), default=0)

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self.issuer.jwks())

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "service", "expires_in": 300})

    async def _body(self, request: web.Request, kind: type[T]) -> T:
        await self.answering.wait()
        if self.down:
            raise web.HTTPServiceUnavailable
        assert request.headers["Authorization"] == "Bearer service"
        return msgspec.json.decode(await request.read(), type=kind)

    async def _messages(self, request: web.Request) -> web.Response:
        body = await self._body(request, AppendRequest)
        self.batches.append(len(body.messages))
        return _answer(AppendReply([self._append(message) for message in body.messages]))

    def _append(self, message: NewMessage) -> Appended | NotAppended:
        if message.body.get("text") == "no":
            return NotAppended(ErrorCode.FORBIDDEN, "you are not a member")
        known = self._stored.get((message.sender, message.client_msg_id))
        if known is not None:
            return msgspec.structs.replace(known, repeat=True)
        seq = self._seqs[message.conversation] = self._seqs.get(message.conversation, 0) + 1
        appended = Appended(message.conversation, seq, seq, datetime.now(UTC))
        self._stored[message.sender, message.client_msg_id] = appended
        self.messages.append(message)
        return appended

    async def _receipts(self, request: web.Request) -> web.Response:
        body = await self._body(request, ReceiptsRequest)
        self.marks += body.marks
        return _answer(ReceiptsReply([None] * len(body.marks)))

    async def _heads(self, request: web.Request) -> web.Response:
        body = await self._body(request, HeadsRequest)
        heads = {user: self.heads[user] for user in body.users if user in self.heads}
        return _answer(HeadsReply("c1", heads))


def _answer(reply: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(reply), content_type="application/json")
