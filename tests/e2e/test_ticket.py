"""A ticket from auth signs a socket in at a gateway, once, through the edge."""

from __future__ import annotations

import json

import aiohttp
import pytest

from shared.frames import SUBPROTOCOL
from shared.ids import new_id
from standalone.stack import Stack
from tests.support.signin import register

pytestmark = pytest.mark.slow


async def test_a_ticket_opens_one_socket_of_the_page_that_asked(stack: Stack) -> None:
    tokens = await register(stack.url, f"t{new_id()[-10:]}", "correct staple battery", "Tess")
    page = {"Origin": stack.url}
    async with aiohttp.ClientSession() as http:

        async def ticket() -> str:
            headers = {"Authorization": f"Bearer {tokens.access_token}", **page}
            url = f"{stack.url}/connect/account/ticket"
            async with http.post(url, headers=headers) as answer:
                assert answer.status == 201
                return str((await answer.json())["ticket"])

        async def say_hello(given: str, headers: dict[str, str]) -> int | str:
            """The user who is welcome, or the code of the close."""
            async with http.ws_connect(
                f"{stack.url}/ws", protocols=(SUBPROTOCOL,), headers=headers
            ) as socket:
                await socket.send_str(json.dumps({"type": "hello", "ticket": given}))
                message = await socket.receive(timeout=10)
                if message.type is aiohttp.WSMsgType.TEXT:
                    return str(json.loads(message.data)["user"])
                return socket.close_code or 0

        first = await ticket()
        assert await say_hello(first, page) == tokens.user
        assert await say_hello(first, page) == 4503
        assert await say_hello(await ticket(), {}) == 4503
