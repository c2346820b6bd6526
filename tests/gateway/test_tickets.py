"""Tickets: a socket signed in with one, and every way in which one is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from shared.entries import Revocation, encode
from shared.ids import new_id
from tests.gateway.issuer import ISSUER, Issuer
from tests.gateway.world import World
from tests.support.servers import wait_until

USER, SESSION = new_id(), new_id()
PAGE = {"Origin": ISSUER}


async def test_a_ticket_signs_one_socket_in(world: World) -> None:
    await world.start()
    ticket = world.issuer.ticket(USER, SESSION, origin=ISSUER)
    client = await world.socket(headers=PAGE)
    await client.send(type="hello", ticket=ticket)
    welcome = await client.expect("welcome")
    assert (welcome["user"], welcome["session"]) == (USER, SESSION)
    again = await world.socket(headers=PAGE)
    await again.send(type="hello", ticket=ticket)
    assert await again.closed() == 4503
    # The socket that it let in lives on, and takes access tokens from then on.
    await client.send(type="refresh", token=world.issuer.token(USER, SESSION))
    await client.expect("refreshed")


WRONG: dict[str, tuple[Callable[[Issuer], str], int]] = {
    "expired": (lambda i: i.ticket(USER, SESSION, exp=time.time() - 60), 4003),
    "of another page": (lambda i: i.ticket(USER, SESSION, origin="https://evil.test"), 4503),
    "for another audience": (lambda i: i.ticket(USER, SESSION, aud="agileim"), 4503),
    "of another issuer": (lambda i: i.ticket(USER, SESSION, iss="https://evil.test"), 4503),
    "without the scope": (lambda i: i.ticket(USER, SESSION, scope="openid"), 4503),
    "an access token": (lambda i: i.token(USER, SESSION), 4503),
    "forged": (lambda i: Issuer(i.kid).ticket(USER, SESSION), 4503),
    "nonsense": (lambda _: "nonsense", 4503),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_ticket_closes_the_socket(world: World, what: str) -> None:
    await world.start()
    make, code = WRONG[what]
    client = await world.socket()
    await client.send(type="hello", ticket=make(world.issuer))
    assert await client.closed() == code


async def test_a_ticket_is_no_token(world: World) -> None:
    await world.start()
    client = await world.socket()
    await client.send(type="hello", token=world.issuer.ticket(USER, SESSION))
    assert await client.closed() == 4503


@pytest.mark.parametrize("both", [True, False])
async def test_hello_takes_one_of_the_two(world: World, *, both: bool) -> None:
    await world.start()
    client = await world.socket()
    given = {"token": world.issuer.token(USER, SESSION), "ticket": world.issuer.ticket(USER, "s")}
    await client.send(type="hello", **(given if both else {}))
    assert await client.closed() == 4500


async def test_a_ticket_of_an_ended_session_is_refused(world: World) -> None:
    await world.start()
    fields: Any = encode(Revocation([SESSION], user=USER, reason="signed_out"))
    await world.redis.xadd(world.keys.revocations(), fields)
    await wait_until(lambda: SESSION in world.gateway.revoked)
    client = await world.socket()
    await client.send(type="hello", ticket=world.issuer.ticket(USER, SESSION))
    assert await client.closed() == 4504
