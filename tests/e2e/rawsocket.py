"""A socket without the SDK: says what no good client would say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from shared.frames import SUBPROTOCOL

TIMEOUT_S = 10.0


class RawSocket:
    """Frames as JSON objects, in and out."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": kind} | fields))

    async def hear(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these kinds; others are passed over."""
        while True:
            frame: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=TIMEOUT_S))
            if frame["type"] in kinds:
                return frame

    async def hello(self, token: str) -> dict[str, Any]:
        await self.say("hello", token=token)
        return await self.hear("welcome")

    async def send(self, conversation: str, client_msg_id: str, text: str) -> dict[str, Any]:
        """Send a message; `sent` or `refused`."""
        await self.say("send", id=client_msg_id, conversation=conversation, body={"text": text})
        return await self.hear("sent", "refused")

    async def closed(self) -> int | None:
        """The code with which the server closes."""
        while True:
            message = await self.socket.receive(timeout=TIMEOUT_S)
            if message.type in (
                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING,
            ):  # fmt: skip
                return self.socket.close_code


@asynccontextmanager
async def raw_socket(url: str, **headers: str) -> AsyncIterator[RawSocket]:
    """A socket to the edge at ``url``. Raises WSServerHandshakeError when it is refused."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/ws", protocols=(SUBPROTOCOL,), headers=headers) as socket,
    ):
        yield RawSocket(socket)
