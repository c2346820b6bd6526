"""Redis goes, comes back empty, or has forgotten this gateway; and the gateway itself stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.ids import new_id
from standalone.servers.redis import Redis as RedisServer
from tests.gateway.world import World
from tests.support.servers import wait_until

USER, ROOM = new_id(), new_id()


@pytest.fixture
async def alone(own_redis: RedisServer) -> AsyncIterator[World]:
    """A world with a Redis of its own, to harm."""
    world = World(own_redis.url, "im")
    yield world
    await world.close()


async def test_a_wiped_redis_is_filled_again_and_clients_sync(alone: World) -> None:
    await alone.start()
    client, before = await alone.client(USER), alone.gateway_id
    await alone.redis.flushall()
    resync = await client.expect("resync")
    assert resync["within_ms"] >= 1000
    assert alone.gateway_id != before
    assert await alone.roster() == {client.welcome["connection"]}
    await alone.deliver(ROOM, 1, [USER])
    assert (await client.expect("event"))["seq"] == 1
    await client.send(type="ack", n=1)

    async def confirmed() -> bool:
        return await alone.pending() == 0

    await wait_until(confirmed)


async def test_acks_of_a_former_life_are_not_taken_for_this_one(alone: World) -> None:
    await alone.start()
    client = await alone.client(USER)
    await alone.deliver(ROOM, 1, [USER])
    await client.expect("event")
    await alone.redis.flushall()
    await client.expect("resync")
    await alone.deliver(ROOM, 2, [USER])
    await client.expect("event")
    await client.send(type="ack", n=1)
    await wait_until(lambda: alone.backend.mark(USER, ROOM) == (1, 0))
    assert await alone.pending() == 1
    await client.send(type="ack", n=2)

    async def confirmed() -> bool:
        return await alone.pending() == 0

    await wait_until(confirmed)


async def test_a_lost_lease_means_a_new_life(alone: World) -> None:
    await alone.start()
    client, before = await alone.client(USER), alone.gateway_id
    await alone.redis.delete(alone.keys.gateway_lease(before))
    await client.expect("resync")
    assert alone.gateway_id != before
    assert await alone.roster() == {client.welcome["connection"]}
    assert await alone.redis.exists(alone.keys.gateway_lease(alone.gateway_id))


async def test_a_lost_stream_means_a_new_life(alone: World) -> None:
    await alone.start()
    client, before = await alone.client(USER), alone.gateway_id
    await alone.redis.delete(alone.keys.gateway_out(before))
    await client.expect("resync")
    assert alone.gateway_id != before
    assert not await alone.redis.exists(alone.keys.gateway_lease(before))


async def test_connections_outlive_a_redis_that_restarts(
    alone: World, own_redis: RedisServer
) -> None:
    await alone.start()
    client = await alone.client(USER)
    await asyncio.to_thread(own_redis.stop)
    await client.send(
        type="send", id="m1", conversation=ROOM, body={"text": "hi"}
    )  # api is well: so is this
    await client.expect("sent")
    newcomer = await alone.socket()
    await newcomer.send(type="hello", token=alone.issuer.token(USER, new_id()))
    assert await newcomer.closed() == 4005
    await asyncio.to_thread(own_redis.start)
    await client.expect("resync")

    async def registered() -> bool:
        return await alone.roster() == {client.welcome["connection"]}

    await wait_until(registered)
    await alone.deliver(ROOM, 2, [USER])
    await client.expect("event")


async def test_it_starts_without_redis_and_says_that_it_is_not_ready(
    alone: World, own_redis: RedisServer
) -> None:
    await asyncio.to_thread(own_redis.stop)
    await alone.start(wait=False)
    client = await alone.socket()
    await client.send(type="hello", token=alone.issuer.token(USER, new_id()))
    assert await client.closed() == 4005
    async with alone.http.get(f"{alone.url}/readyz") as response:
        assert response.status == 503
    await asyncio.to_thread(own_redis.start)

    async def ready() -> bool:
        async with alone.http.get(f"{alone.url}/readyz") as response:
            return response.status == 200

    await wait_until(ready)
    await alone.client(USER)


async def test_a_stopping_gateway_sends_its_clients_on_and_leaves_no_lease(alone: World) -> None:
    await alone.start()
    clients = [await alone.client(new_id()) for _ in range(5)]
    await clients[0].send(type="read", conversation=ROOM, seq=3)
    user = clients[0].welcome["user"]
    await alone.deliver(ROOM, 4, [user])
    await clients[0].expect("event")
    await clients[0].send(type="ack", n=1)
    await wait_until(lambda: alone.gateway.metrics.frames_received["Ack"] == 1)
    gateway, lease = alone.gateway_id, alone.keys.gateway_lease(alone.gateway_id)
    stopping = asyncio.create_task(alone.stop_gateway())
    for client in clients:
        assert (await client.expect("reconnect"))["after_ms"] >= 0
        assert await client.closed() == 4000
    await stopping
    assert alone.backend.mark(user, ROOM) == (4, 3)
    assert not await alone.redis.exists(lease)
    assert await alone.redis.hlen(alone.keys.gateway_roster(gateway)) == 0
    # What is left is for the dispatcher that buries it.
    assert await alone.redis.zscore(alone.keys.gateways(), gateway)


async def test_a_message_under_way_is_answered_before_the_close(alone: World) -> None:
    await alone.start()
    client = await alone.client(USER)
    alone.backend.answering.clear()
    await client.send(type="send", id="m1", conversation=ROOM, body={"text": "hi"})
    await wait_until(lambda: alone.gateway.hub.everyone()[0].session.sends_in_flight)
    stopping = asyncio.create_task(alone.stop_gateway())
    await client.expect("reconnect")
    alone.backend.answering.set()
    await client.expect("sent")
    assert await client.closed() == 4000
    await stopping


async def test_who_has_not_said_hello_does_not_hold_up_the_stop(alone: World) -> None:
    await alone.start(drain_s=30.0)
    silent = await alone.socket()
    stopping = asyncio.create_task(alone.stop_gateway())
    assert await silent.closed() == 4000
    async with asyncio.timeout(10):
        await stopping


async def test_a_client_that_does_not_let_go_does_not_hold_up_the_stop(alone: World) -> None:
    from tests.gateway.test_hostile import raw_client

    await alone.start(drain_s=1.0)
    deaf = await raw_client(alone, USER)
    async with asyncio.timeout(8):
        await alone.stop_gateway()
    deaf.close()
