"""The opening handshake (RFC 6455, section 4.2), as clients get it right and wrong."""

from __future__ import annotations

import aiohttp
import pytest

from shared.frames import SUBPROTOCOL
from tests.gateway.world import World

# The example of RFC 6455, section 1.3.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = {
    "Upgrade": "WebSocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": f"other, {SUBPROTOCOL}",
}


async def answer(world: World, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    await world.start()
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{world.url}/ws", headers=headers) as response,
    ):
        text = "" if response.status == 101 else await response.text()
        return response.status, dict(response.headers), text


async def test_the_example_of_the_rfc(world: World) -> None:
    status, headers, _ = await answer(world, GOOD)
    assert status == 101
    assert headers["Sec-WebSocket-Accept"] == ACCEPT
    assert headers["Sec-WebSocket-Protocol"] == SUBPROTOCOL
    assert headers["Connection"].lower() == "upgrade"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "c2hvcnQ="),
        ("Sec-WebSocket-Key", "no base64"),
    ],
)
async def test_what_is_no_handshake_is_told_why(world: World, field: str, value: str) -> None:
    status, _, text = await answer(world, {**GOOD, field: value})
    assert status == 422
    assert '"invalid"' in text
