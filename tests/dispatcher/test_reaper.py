"""A dead gateway's unconfirmed events go to where its users are now."""

from __future__ import annotations

from typing import Any, cast

from shared.entries import UNFENCED
from shared.ids import new_id
from shared.keys import DELIVER_GROUP
from tests.dispatcher.support import PARTITIONS, Gateway, World, event_of
from tests.support.servers import wait_until


async def seen(gateway: Gateway, wanted: int) -> bool:
    return len(await gateway.events()) >= wanted


async def gone(world: World, gateway: Gateway) -> bool:
    keys = world.keys
    left = await world.redis.exists(gateway.out, keys.gateway_roster(gateway.id))
    return not left and await world.redis.zscore(keys.gateways(), gateway.id) is None


async def test_unconfirmed_events_are_routed_again_and_the_rest_is_not(world: World) -> None:
    moved, lost, peer = new_id(), new_id(), new_id()
    dying, other = await world.gateway("dying"), await world.gateway("other")
    await dying.connect(moved, lost)
    await other.connect(peer)
    running = await world.dispatcher()
    one, two = new_id(), new_id()
    for seq in range(1, 5):
        await world.add(event_of(one, seq, pair=(moved, peer)))
        await world.add(event_of(two, seq, pair=(lost, peer)))
    await wait_until(lambda: seen(dying, 8))
    # The gateway had read everything and confirmed all but the last two of each conversation.
    read: Any = await world.redis.xreadgroup(DELIVER_GROUP, "gateway", {dying.out: ">"}, count=1000)
    done = [identifier for identifier, _ in cast(Any, read)[0][1]]
    if len(done) > 4:
        await world.redis.xack(dying.out, DELIVER_GROUP, *done[:-4])
    unconfirmed = 4 if len(done) > 4 else 8
    await dying.die()
    await other.connect(moved)
    await wait_until(lambda: gone(world, dying))
    await wait_until(lambda: moved_again(other, moved, one))
    metrics = await running.metrics()
    assert metrics["agileim_dispatcher_reaped_gateways_total"] == 1
    assert metrics["agileim_dispatcher_rerouted_items_total"] <= unconfirmed
    assert metrics["agileim_dispatcher_offline_recipients_total"] > 0
    assert (UNFENCED, 0) in other.fences
    assert not [item for item in other.items if lost in item.users]
    assert dying.id not in running.worker.mirror.mirror.gateways
    assert not running.worker.mirror.mirror.online(lost)


async def moved_again(gateway: Gateway, user: str, conversation: str) -> bool:
    return (conversation, 4) in [
        (item.conversation, item.seq) for item in await gateway.read() if user in item.users
    ]


async def test_events_for_a_gateway_without_stream_go_elsewhere_at_once(world: World) -> None:
    a, b = new_id(), new_id()
    vanished, other = await world.gateway("vanished"), await world.gateway("other")
    await vanished.connect(a)
    await other.connect(a, b)
    await world.dispatcher(lease_ttl_s=60.0)  # its reaper looks in only after a while
    conversation = new_id()
    await world.add(event_of(conversation, 1, pair=(a, b)))
    await wait_until(lambda: seen(vanished, 1))
    await world.redis.delete(vanished.out)
    await world.add(event_of(conversation, 2, pair=(a, b)))
    await wait_until(lambda: pair_seen(other, a, 2))
    assert not await world.redis.exists(vanished.out)  # nothing was written into the void


async def pair_seen(gateway: Gateway, user: str, seq: int) -> bool:
    return seq in await gateway.seqs(user)


async def test_two_dispatchers_bury_a_gateway_once(world: World) -> None:
    a = new_id()
    dying = await world.gateway()
    await dying.connect(a)
    both = [await world.dispatcher(), await world.dispatcher()]
    await wait_until(lambda: sum(len(running.owned) for running in both) == PARTITIONS)
    await dying.die()
    await wait_until(lambda: gone(world, dying))
    for running in both:
        await wait_until(lambda running=running: not running.worker.mirror.mirror.online(a))
    reaped = [
        (await running.metrics())["agileim_dispatcher_reaped_gateways_total"] for running in both
    ]
    assert sum(reaped) == 1


async def test_connections_that_a_reborn_gateway_brings_along_stay_online(world: World) -> None:
    a, b = new_id(), new_id()
    former, reborn = await world.gateway("g"), await world.gateway("g")
    connections = await former.connect(a, b)
    running = await world.dispatcher()
    await wait_until(lambda: running.worker.mirror.mirror.online(a))
    await reborn.adopt(connections, [a, b])
    await former.die()
    await wait_until(lambda: gone(world, former))
    conversation = new_id()
    await world.add(event_of(conversation, 1, pair=(a, b)))
    await wait_until(lambda: seen(reborn, 1))
    assert sorted(reborn.items[-1].users) == sorted([a, b])
