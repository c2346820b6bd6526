"""A gateway in this process with real Redis, a real api in small, and clients on real sockets."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import msgspec
from aiohttp import web

from services.gateway.app import GATEWAY, Gateway, create_app
from services.gateway.settings import GatewaySettings
from shared import frames
from shared.entries import Delivery, DeliveryItem, encode
from shared.frames import SUBPROTOCOL
from shared.ids import new_id
from shared.keys import DELIVER_GROUP, Keys
from shared.redis_client import connect
from shared.settings import HostPort, Secret
from tests.gateway.backend import Backend
from tests.gateway.issuer import ISSUER, Issuer
from tests.support.servers import wait_until

ANSWER_S = 10.0


class Client:
    """One raw WebSocket client; tests say what it sends and see all it gets."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.welcome: dict[str, Any] = {}

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        """The next frame; a close comes as ``{"type": "close", "code": …}``."""
        message = await self.socket.receive(ANSWER_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            decoded: dict[str, Any] = json.loads(message.data)
            return decoded
        return {"type": "close", "code": self.socket.close_code}

    async def expect(self, kind: str, *, skip: tuple[str, ...] = ("ping",)) -> dict[str, Any]:
        """The next frame, which must be of this type; others in ``skip`` are passed over."""
        while True:
            frame = await self.next()
            if frame["type"] == kind:
                return frame
            assert frame["type"] in skip, f"{frame} instead of {kind}"

    async def closed(self) -> int:
        """Wait for the close and return its code."""
        while (frame := await self.next())["type"] != "close":
            pass
        return int(frame["code"] or 0)


class World:
    """Everything a test of the gateway needs."""

    def __init__(self, redis_url: str, key_prefix: str) -> None:
        self.redis_url = redis_url
        self.keys = Keys(key_prefix)
        self.issuer = Issuer()
        self.backend = Backend(self.issuer)
        self.redis = connect(redis_url)
        self.http = aiohttp.ClientSession()
        self.gateway: Gateway = None  # type: ignore[assignment]  # set by start()
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._clients: list[Client] = []

    # --- the gateway ------------------------------------------------------------------------

    async def start(self, *, wait: bool = True, **changes: Any) -> None:
        """Start the backend and a gateway whose settings ``changes`` alter."""
        await self.backend.start()
        settings = GatewaySettings(
            **{
                "listen": HostPort("127.0.0.1", 0),
                "instance": "gw",
                "redis_url": Secret(self.redis_url),
                "issuer": ISSUER,
                "key_prefix": self.keys.prefix,
                "api_urls": (self.backend.url,),
                "auth_url": self.backend.url,
                "client_secret": Secret("s"),
                "drain_s": 3.0,
                **changes,
            }
        )
        app = create_app(settings)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.gateway = app[GATEWAY]
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        if wait:
            await wait_until(lambda: self.gateway.registration.identity)

    async def stop_gateway(self) -> None:
        """As SIGTERM does."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def close(self) -> None:
        for client in self._clients:
            await client.socket.close()
        await self.stop_gateway()
        await self.backend.stop()
        await self.http.close()
        await self.redis.aclose()

    @property
    def gateway_id(self) -> str:
        identity = self.gateway.registration.identity
        assert identity is not None
        return identity.gateway

    # --- clients ----------------------------------------------------------------------------

    async def socket(self, **options: Any) -> Client:
        """A socket that has said nothing yet."""
        options = {"protocols": (SUBPROTOCOL,), **options}
        client = Client(await self.http.ws_connect(f"{self.url}/ws", **options))
        self._clients.append(client)
        return client

    async def client(self, user: str, session: str = "", **token: Any) -> Client:
        """A client that is welcome."""
        client = await self.socket()
        await client.send(type="hello", token=self.issuer.token(user, session or new_id(), **token))
        client.welcome = await client.expect("welcome")
        return client

    # --- in the dispatcher's place ----------------------------------------------------------

    async def deliver(
        self, conversation: str, seq: int, users: list[str], *, partition: int = 0,
        fence: int = 1, skip: str = "", text: str = "hello",
    ) -> bytes:  # fmt: skip
        """Put one event into the gateway's stream; returns the entry's id."""
        item = DeliveryItem(
            event_frame(conversation, seq, text), users, conversation, seq, skip=skip,
            committed_ms=int(time.time() * 1000),
        )  # fmt: skip
        return await self.put(Delivery(partition, fence, [item]))

    async def signal(self, frame: frames.ServerFrame, users: list[str]) -> bytes:
        return await self.put(Delivery(0, 1, [DeliveryItem(frames.encode(frame), users)]))

    async def put(self, delivery: Delivery) -> bytes:
        stream = self.keys.gateway_out(self.gateway_id)
        fields: Any = encode(delivery)
        return cast(bytes, await self.redis.xadd(stream, fields))

    async def pending(self) -> int:
        """Entries in the gateway's PEL."""
        summary = await self.redis.xpending(self.keys.gateway_out(self.gateway_id), DELIVER_GROUP)
        return int(summary["pending"])

    async def roster(self) -> set[str]:
        """Connection ids that dispatchers would see."""
        stored = await self.redis.hkeys(self.keys.gateway_roster(self.gateway_id))
        return {cast(bytes, each).decode() for each in stored}


def event_frame(conversation: str, seq: int, text: str = "hello") -> bytes:
    event = frames.Event(
        conversation=conversation, seq=seq, kind="message", sender=new_id(),
        time=datetime.now(UTC), number=seq, body=msgspec.Raw(json.dumps({"text": text}).encode()),
    )  # fmt: skip
    return frames.encode(event)
