"""Who is let in, and with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from shared.entries import Revocation, decode_presence_change, encode
from shared.ids import new_id
from tests.gateway.issuer import ISSUER, Issuer
from tests.gateway.world import World
from tests.support.servers import wait_until

USER, SESSION = new_id(), new_id()


async def test_a_good_token_is_welcome_and_registered_before_it_is_told(world: World) -> None:
    await world.start()
    client = await world.client(USER, SESSION)
    assert client.welcome["user"] == USER
    assert client.welcome["session"] == SESSION
    assert await world.roster() == {client.welcome["connection"]}
    changes: Any = await world.redis.xrange(world.keys.presence_changes())
    change = decode_presence_change(changes[-1][1])
    assert change.gateway == world.gateway_id
    assert [who.user for _, who in change.came] == [USER]
    await client.socket.close()
    await wait_until(lambda: len(world.gateway.hub) == 0)

    async def gone() -> bool:
        return await world.roster() == set()

    await wait_until(gone)


WRONG: dict[str, tuple[Callable[[Issuer], str], int]] = {
    "expired": (lambda i: i.token(USER, SESSION, expires_in_s=-60), 4003),
    "for another audience": (lambda i: i.token(USER, SESSION, aud="internal"), 4503),
    "of another issuer": (lambda i: i.token(USER, SESSION, iss="https://evil.test"), 4503),
    "without the scope": (lambda i: i.token(USER, SESSION, scope="openid"), 4503),
    "without a session": (lambda i: i.token(USER, ""), 4503),
    "unsigned": (lambda i: i.unsigned(USER, SESSION), 4503),
    "forged": (lambda i: Issuer(i.kid).token(USER, SESSION), 4503),
    "signed with an unknown key": (lambda i: Issuer("k9").token(USER, SESSION), 4503),
    "no token at all": (lambda i: "nonsense", 4503),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_token_closes_the_socket(world: World, what: str) -> None:
    await world.start()
    make, code = WRONG[what]
    client = await world.socket()
    await client.send(type="hello", token=make(world.issuer))
    assert await client.closed() == code
    assert await world.roster() == set()


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (ISSUER, True),
        ("https://app.test", True),
        (None, True),
        ("https://evil.test", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_known_origins_may_upgrade(
    world: World, origin: str | None, allowed: bool
) -> None:
    await world.start(origins=("https://app.test",))
    headers = {} if origin is None else {"Origin": origin}
    if allowed:
        await world.socket(headers=headers)
        return
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await world.socket(headers=headers)
    assert refused.value.status == 403


async def test_a_client_of_another_protocol_is_told(world: World) -> None:
    await world.start()
    client = await world.socket(protocols=())
    assert await client.closed() == 4505


async def test_no_hello_in_time(world: World) -> None:
    await world.start(hello_timeout_s=0.3)
    client = await world.socket()
    assert await client.closed() == 4502


async def test_a_second_hello_ends_it(world: World) -> None:
    await world.start()
    client = await world.client(USER, SESSION)
    await client.send(type="hello", token=world.issuer.token(USER, SESSION))
    assert await client.closed() == 4501


async def test_a_frame_before_hello_ends_it(world: World) -> None:
    await world.start()
    client = await world.socket()
    await client.send(type="pong")
    assert await client.closed() == 4501


async def test_a_fresh_token_of_the_same_session_prolongs_it(world: World) -> None:
    await world.start()
    client = await world.client(USER, SESSION)
    await client.send(type="refresh", token=world.issuer.token(USER, SESSION, expires_in_s=900))
    refreshed = await client.expect("refreshed")
    assert refreshed["token_expires_at"] > client.welcome["token_expires_at"]


async def test_a_token_of_another_session_does_not(world: World) -> None:
    await world.start()
    client = await world.client(USER, SESSION)
    await client.send(type="refresh", token=world.issuer.token(USER, new_id()))
    assert (await client.expect("error"))["code"] == "forbidden"
    await client.send(type="refresh", token=world.issuer.token(new_id(), SESSION))
    assert (await client.expect("error"))["code"] == "forbidden"
    await client.send(type="refresh", token="nonsense")
    assert (await client.expect("error"))["code"] == "unauthenticated"


async def test_a_token_that_ends_soon_is_announced(world: World) -> None:
    await world.start()
    client = await world.client(USER, SESSION, expires_in_s=20)
    await client.expect("expiring")


async def test_a_revoked_session_is_out_on_all_its_sockets(world: World) -> None:
    await world.start()
    first, second = await world.client(USER, SESSION), await world.client(USER, SESSION)
    other = await world.client(USER)
    ended: Any = encode(Revocation([SESSION]))
    await world.redis.xadd(world.keys.revocations(), ended)
    assert await first.closed() == 4504
    assert await second.closed() == 4504
    again = await world.socket()
    await again.send(type="hello", token=world.issuer.token(USER, SESSION))
    assert await again.closed() == 4504
    await other.send(type="ack", n=9)
    await other.expect("error")  # it is still there


async def test_too_many_sockets_are_sent_away_before_the_upgrade(world: World) -> None:
    await world.start(connections_max=1)
    await world.client(USER)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await world.socket()
    assert refused.value.status == 503
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) >= 1


async def test_hellos_and_connects_are_limited(world: World) -> None:
    await world.start(hellos_max=2, connects_per_s=0.001, connects_burst=4)
    await world.client(USER)  # has said hello: does not count
    await world.socket()
    await world.socket()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await world.socket()  # two have not said hello
    assert world.gateway.metrics.refused_connects["hellos"] == 1
