"""A small real server that plays the protocol, and breaks it where a test says so.

It keeps conversations, numbers messages, knows retries, hands out single-use refresh tokens. It
is not AgileIM's server: it exists so that the client meets closes, losses and silences at exactly
chosen moments.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from agileim import Transcript
from agileim.events import from_wire
from agileim.frames import Event
from agileim.models import MessagePage

TIME = "2026-01-05T10:00:00Z"
ME = "me"


class PlayServer:
    """One user's server. Conversations exist as soon as something is in them."""

    def __init__(self) -> None:
        self.url = ""
        self.logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sends: dict[str, dict[str, Any]] = {}
        self.sockets: list[web.WebSocketResponse] = []
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self.frames: list[dict[str, Any]] = []  # every frame that clients wrote
        self.requests: list[str] = []
        self.hellos: list[str] = []
        self.valid_tokens: set[str] = {"token"}
        self.refresh_tokens: dict[str, int] = {"refresh-0": 0}
        self.refreshes = 0
        self.heartbeat_s = 25.0
        self.users: dict[str, dict[str, str]] = {
            "bob": {"id": "bob", "handle": "bob", "display_name": "Bob"},
            "me": {"id": ME, "handle": "me", "display_name": "Me"},
        }
        # What goes wrong; counters are used up one by one.
        self.cut_before_commit = 0
        self.cut_before_sent = 0
        self.refuse_sends: list[dict[str, Any]] = []
        self.mute = False  # take frames, answer nothing
        self.fail_requests = 0
        self.hello_close_codes: list[int] = []
        self.refresh_gate: asyncio.Event | None = None

    # --- what tests do --------------------------------------------------------------------------

    def append(self, conversation: str, text: str, sender: str = "bob") -> dict[str, Any]:
        """Store a message without telling anyone."""
        log = self.logs[conversation]
        event = {
            "conversation": conversation,
            "seq": len(log) + 1,
            "kind": "message",
            "sender": sender,
            "time": TIME,
            "number": len(log) + 1,
            "body": {"text": text},
        }
        log.append(event)
        return event

    async def tell(
        self, conversation: str, kind: str, body: dict[str, Any], sender: str = "bob"
    ) -> dict[str, Any]:
        """Store an event of any kind and write it to all sockets."""
        event = self.append(conversation, "", sender)
        event |= {"kind": kind, "body": body}
        await self.push(event)
        return event

    async def push(self, event: dict[str, Any]) -> None:
        """Write an event to all sockets."""
        await self.write({"type": "event", **event})

    async def say(self, conversation: str, text: str, sender: str = "bob") -> dict[str, Any]:
        """Store a message and write it to all sockets."""
        event = self.append(conversation, text, sender)
        await self.push(event)
        return event

    async def write(self, frame: dict[str, Any]) -> None:
        """Write any frame to all sockets."""
        for socket in list(self.sockets):
            await socket.send_str(json.dumps(frame))

    async def close_all(self, code: int) -> None:
        """Close all sockets."""
        for socket in list(self.sockets):
            await socket.close(code=code)

    def cut_all(self) -> None:
        """Cut all connections, without a close frame."""
        for transport in self._transports.values():
            transport.abort()

    def written(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type that clients wrote."""
        return [frame for frame in self.frames if frame["type"] == kind]

    # --- the protocol ---------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[self._count])
        app.router.add_get("/ws", self._socket)
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_post("/connect/token", self._token)
        app.router.add_post("/connect/revocation", self._revoke)
        app.router.add_get("/v1/me", self._me)
        app.router.add_get("/v1/sync", self._sync)
        app.router.add_get("/v1/conversations", self._conversations)
        app.router.add_get("/v1/conversations/{id}", self._conversation)
        app.router.add_get("/v1/conversations/{id}/events", self._events)
        app.router.add_get("/v1/conversations/{id}/members", self._members)
        app.router.add_post("/v1/conversations/{id}/receipts", self._receipts)
        app.router.add_get("/v1/conversations/{id}/messages", self._present)
        app.router.add_post("/v1/conversations/{id}/messages", self._post)
        app.router.add_post("/v1/conversations", self._create)
        app.router.add_get("/v1/users", self._users)
        return app

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if request.path.startswith("/v1"):
            if self.fail_requests:
                self.fail_requests -= 1
                return web.json_response({"code": "unavailable"}, status=503)
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if token not in self.valid_tokens:
                return web.json_response({"code": "unauthenticated"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("agileim.v1",), compress=False)
        await socket.prepare(request)
        hello = json.loads((await socket.receive()).data)
        self.hellos.append(hello["token"])
        if self.hello_close_codes:
            await socket.close(code=self.hello_close_codes.pop(0))
            return socket
        if hello["token"] not in self.valid_tokens:
            await socket.close(code=4503)
            return socket
        if self.mute:
            await socket.receive()
            return socket
        self.sockets.append(socket)
        assert isinstance(request.transport, asyncio.Transport)
        self._transports[socket] = request.transport
        welcome = {"type": "welcome", "user": ME, "heartbeat_s": self.heartbeat_s}
        await socket.send_str(json.dumps(welcome))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self.mute:
                    await self._frame(socket, json.loads(message.data))
        finally:
            self.sockets.remove(socket)
            del self._transports[socket]
        return socket

    async def _frame(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["type"] != "send":
            return
        if self.refuse_sends:
            refusal = {"type": "refused", "id": frame["id"], **self.refuse_sends.pop(0)}
            await socket.send_str(json.dumps(refusal))
            return
        if self.cut_before_commit:
            self.cut_before_commit -= 1
            self.cut_all()
            return
        sent = self._store(frame["id"], frame["conversation"], frame["body"]["text"])
        if self.cut_before_sent:
            self.cut_before_sent -= 1
            self.cut_all()
            return
        await socket.send_str(json.dumps({"type": "sent", "id": frame["id"], **sent}))

    def _store(self, msg_id: str, conversation: str, text: str) -> dict[str, Any]:
        repeat = msg_id in self.sends
        if not repeat:
            event = self.append(conversation, text, ME)
            event["client_msg_id"] = msg_id
            self.sends[msg_id] = {
                key: event[key] for key in ("conversation", "seq", "number", "time")
            }
        return {**self.sends[msg_id], "repeat": repeat}

    # --- REST -----------------------------------------------------------------------------------

    def _shown(self, conversation: str) -> dict[str, Any]:
        head = len(self.logs[conversation])
        return {
            "id": conversation,
            "kind": "group",
            "name": conversation.title(),
            "head_seq": head,
            "number": head,
            "first_seq": 1,
            "state": "member",
        }

    async def _sync(self, request: web.Request) -> web.Response:
        # The cursor is the number of events there were; heads that moved since are shown.
        cursor = json.loads(request.query.get("cursor", "{}"))
        heads = {name: len(log) for name, log in self.logs.items()}
        moved = [self._shown(name) for name, seq in heads.items() if cursor.get(name) != seq]
        page = {"cursor": json.dumps(heads), "more": False, "conversations": moved}
        return web.json_response(page)

    async def _conversations(self, request: web.Request) -> web.Response:
        shown = [self._shown(name) for name in list(self.logs)]
        return web.json_response({"conversations": shown, "next": None})

    async def _conversation(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.logs:
            return web.json_response({"code": "not_found", "detail": "no such"}, status=404)
        return web.json_response(self._shown(request.match_info["id"]))

    async def _events(self, request: web.Request) -> web.Response:
        log = self.logs[request.match_info["id"]]
        limit = int(request.query.get("limit", "50"))
        if "before_seq" in request.query:
            end = int(request.query["before_seq"]) - 1
            events = log[max(0, end - limit) : end]
        else:
            after = int(request.query.get("after_seq", "0"))
            events = log[after : after + limit]
        return web.json_response({"events": events, "head_seq": len(log), "first_seq": 1})

    async def _present(self, request: web.Request) -> web.Response:
        """Messages as they are now, by the SDK's own replay."""
        log = self.logs[request.match_info["id"]]
        transcript = Transcript("me")
        for event in msgspec.convert(log, list[Event]):
            transcript.apply(from_wire(event, "me"))
        before = int(request.query.get("before_seq", len(log) + 1))
        limit = int(request.query.get("limit", "50"))
        found = [one for seq, one in transcript.messages.items() if seq < before][-limit:]
        page = MessagePage(messages=found, head_seq=len(log))
        return web.Response(body=msgspec.json.encode(page), content_type="application/json")

    async def _members(self, request: web.Request) -> web.Response:
        members = [{"user": user, "role": "member"} for user in self.users.values()]
        return web.json_response({"members": members, "next": None})

    async def _receipts(self, request: web.Request) -> web.Response:
        marks = await request.json()
        self.frames.append({"type": "rest receipts", **marks, **request.match_info})
        return web.json_response({})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        sent = self._store(body["client_msg_id"], request.match_info["id"], body["body"]["text"])
        if self.cut_before_sent:
            self.cut_before_sent -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(sent, status=201)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body.get("name") or f"direct-{body['user']}"
        self.logs[name]
        return web.json_response({**self._shown(name), "kind": body["kind"]}, status=201)

    async def _users(self, request: web.Request) -> web.Response:
        known = self.users
        if "handle" in request.query:
            wanted = [request.query["handle"]]
        else:
            wanted = request.query["ids"].split(",")
        return web.json_response({"users": [known[name] for name in wanted if name in known]})

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({"id": ME, "handle": "me", "display_name": "Me"})

    # --- OAuth ----------------------------------------------------------------------------------

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/connect/authorize",
                "token_endpoint": f"{self.url}/connect/token",
                "revocation_endpoint": f"{self.url}/connect/revocation",
            }
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.refresh_gate is not None:
            await self.refresh_gate.wait()
        number = self.refresh_tokens.pop(str(form.get("refresh_token")), None)
        if number is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.refreshes += 1
        self.refresh_tokens[f"refresh-{number + 1}"] = number + 1
        self.valid_tokens = {f"access-{number + 1}"}
        return web.json_response(
            {
                "access_token": f"access-{number + 1}",
                "refresh_token": f"refresh-{number + 1}",
                "expires_in": 300,
                "token_type": "Bearer",
            }
        )

    async def _revoke(self, request: web.Request) -> web.Response:
        self.refresh_tokens.pop(str((await request.post())["token"]), None)
        return web.Response()


@asynccontextmanager
async def play_server() -> AsyncIterator[PlayServer]:
    """A running server on a free port."""
    server = PlayServer()
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        server.cut_all()
        await runner.cleanup()
