"""Statements about WebSockets, tried at the gateway."""

from __future__ import annotations

from functools import partial
from typing import Any

import aiohttp
import pytest

from shared.frames import SUBPROTOCOL
from shared.ids import new_id
from tests.auth.security.statements import Group
from tests.gateway import test_signin as signin
from tests.gateway import test_tickets as tickets
from tests.gateway.world import World

group = Group("WebSocket", "W", "gateway")


async def _origin(origin: str, world: World) -> None:
    await signin.test_only_known_origins_may_upgrade(world, origin, allowed=False)


for _what, _given in (
    ("A foreign origin", "https://evil.test"),
    ("The origin null", "null"),
    ("An empty origin", ""),
):
    group.row(f"{_what} may not upgrade", "RFC 6455, 10.2", partial(_origin, _given))

for _text, _source, _check in (
    ("A socket without a token is closed in time", "RFC 6455, 10.5", signin.test_no_hello_in_time),
    ("No frame counts before a good token", "RFC 6455, 10.5",
     signin.test_a_frame_before_hello_ends_it),
    ("Nobody says hello twice", "RFC 6455, 10.5", signin.test_a_second_hello_ends_it),
    ("A socket cannot become another user's or session's", "RFC 6455, 10.5",
     signin.test_a_token_of_another_session_does_not),
    ("A revoked session is out on all its sockets", "RFC 7009, 2.1",
     signin.test_a_revoked_session_is_out_on_all_its_sockets),
    ("Hellos and connects are limited", "ASVS 11.1.4", signin.test_hellos_and_connects_are_limited),
    ("A ticket signs one socket in, once", "ASVS 13.5.2",
     tickets.test_a_ticket_signs_one_socket_in),
    ("A ticket is no access token", "RFC 9068, 4", tickets.test_a_ticket_is_no_token),
    ("A ticket of a session that has ended is refused", "RFC 7009, 2.1",
     tickets.test_a_ticket_of_an_ended_session_is_refused),
):  # fmt: skip
    group.row(_text, _source, _check)

for _kind in tickets.WRONG:
    group.row(
        f"A ticket that is wrong is refused: {_kind}",
        "ASVS 13.5.2",
        lambda world, kind=_kind: tickets.test_a_wrong_ticket_closes_the_socket(world, kind),
    )
for _kind in signin.WRONG:
    group.row(
        f"A token that is wrong is refused: {_kind}",
        "RFC 9068, 4",
        lambda world, kind=_kind: signin.test_a_wrong_token_closes_the_socket(world, kind),
    )


@group.holds("A token in the URL signs no socket in", "RFC 9700, 4.3.2")
async def _in_the_url(world: World) -> None:
    await world.start(hello_timeout_s=0.3)
    token = world.issuer.token(new_id(), new_id())
    for query in (f"?access_token={token}", f"?token={token}"):
        headers = {"Authorization": f"Bearer {token}"}
        for more in ({}, headers):
            assert await _closed(world, query, more) == 4502  # nobody has said hello


async def _closed(world: World, query: str, headers: dict[str, str]) -> int | None:
    async with world.http.ws_connect(
        f"{world.url}/ws{query}", protocols=(SUBPROTOCOL,), headers=headers
    ) as socket:
        message: Any = await socket.receive(10)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        return socket.close_code


@group.holds("A page's cookie signs no socket in", "RFC 6455, 10.2")
async def _cookie(world: World) -> None:
    await world.start(hello_timeout_s=0.3)
    token = world.issuer.token(new_id(), new_id())
    assert await _closed(world, "", {"Cookie": f"agileim_signin={token}; token={token}"}) == 4502


@group.holds("What is no WebSocket handshake opens nothing", "RFC 6455, 4.2.1")
async def _handshake(world: World) -> None:
    await world.start()
    async with world.http.get(f"{world.url}/ws") as response:
        assert 400 <= response.status < 500
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await world.http.ws_connect(f"{world.url}/", protocols=(SUBPROTOCOL,))
