"""Partitions have one owner each; whatever happens to it, its entries are seen through."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from services.dispatcher.domain.routing import Router
from services.dispatcher.domain.sharing import fair_share
from shared.entries import EventBatch, RoutedEvent, encode
from shared.ids import new_id
from shared.keys import DISPATCH_CONSUMER, DISPATCH_GROUP
from shared.redis_client import RedisError
from standalone.servers.redis import Redis as RedisServer
from tests.dispatcher.support import PARTITIONS, Gateway, World, event_of, world_of
from tests.support.servers import wait_until

ALL = set(range(PARTITIONS))


async def gateway_of(world: World, *users: str) -> Gateway:
    gateway = await world.gateway()
    await gateway.connect(*users)
    return gateway


async def seen(gateway: Gateway, wanted: int) -> bool:
    return len(await gateway.events()) >= wanted


async def settled(world: World, partition: int) -> bool:
    return await world.pending(partition) == 0


async def test_two_dispatchers_share_evenly_and_the_rest_takes_over_at_a_stop(
    world: World,
) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    one = await world.dispatcher()
    await wait_until(lambda: one.owned == ALL)
    two = await world.dispatcher()
    await wait_until(lambda: len(one.owned) == len(two.owned) == PARTITIONS // 2)
    assert one.owned | two.owned == ALL
    conversations = [world.conversation_in(number, new_id) for number in ALL]
    for conversation in conversations:
        await world.add(event_of(conversation, 1, pair=(a, b)))
    await wait_until(lambda: seen(gateway, PARTITIONS))
    await two.stop()
    await wait_until(lambda: one.owned == ALL)
    for conversation in conversations:
        await world.add(event_of(conversation, 2, pair=(a, b)))
    await wait_until(lambda: seen(gateway, 2 * PARTITIONS))
    assert len(await gateway.events()) == 2 * PARTITIONS


async def test_a_stop_finishes_what_is_in_flight_and_releases_at_once(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    running = await world.dispatcher(lease_ttl_s=60.0)
    await wait_until(lambda: running.owned == ALL)
    conversation = new_id()
    for seq in range(1, 201):
        await world.add(event_of(conversation, seq, pair=(a, b)))
    await wait_until(gateway.events)
    await running.stop()
    for number in ALL:
        assert await world.redis.get(world.keys.owner(number)) is None
    assert await world.redis.zcard(world.keys.dispatchers()) == 0
    routed = await gateway.seqs(a)
    assert routed == list(range(1, len(routed) + 1))
    assert await settled(world, world.partition(conversation))
    successor = await world.dispatcher(lease_ttl_s=60.0)
    await wait_until(lambda: successor.owned == ALL)
    await wait_until(lambda: seen(gateway, 200))
    assert await gateway.seqs(a) == list(range(1, 201))


async def test_partitions_of_a_killed_owner_are_taken_over_within_the_lease(
    world: World,
) -> None:
    a = new_id()
    gateway = await gateway_of(world, a)
    one = await world.dispatcher()
    await wait_until(lambda: one.owned == ALL)
    conversation = world.api.group([a])
    await world.add(world.api.event(conversation, 1))
    await wait_until(gateway.events)
    world.api.down.add(conversation)  # what follows stays in flight
    one.worker.forget_members(conversation)
    await world.add(world.api.event(conversation, 2))
    await wait_until(lambda: pending(world, conversation, 1))
    await one.kill()
    killed_at = time.monotonic()
    world.api.down.clear()
    await world.add(world.api.event(conversation, 3))
    two = await world.dispatcher()
    await wait_until(lambda: two.owned == ALL)
    settings = world.settings()
    # The lease, the time until its owner no longer counts as living, and a look or two.
    assert time.monotonic() - killed_at < settings.lease_ttl_s + 4 * settings.poll_s
    await wait_until(lambda: seen(gateway, 3))
    assert await gateway.seqs(a) == [1, 2, 3]
    await wait_until(lambda: settled(world, world.partition(conversation)))
    fences = [fence for _, fence in gateway.fences]
    assert fences == sorted(fences)
    assert fences[0] < fences[-1]


async def pending(world: World, conversation: str, wanted: int) -> bool:
    return await world.pending(world.partition(conversation)) == wanted


async def test_entries_pending_since_before_are_routed_first(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    conversation = new_id()
    number = world.partition(conversation)
    key = world.keys.events(number)
    await world.redis.xgroup_create(key, DISPATCH_GROUP, id="0", mkstream=True)
    for seq in range(1, 4):
        await world.add(event_of(conversation, seq, pair=(a, b)))
    await world.redis.xreadgroup(DISPATCH_GROUP, DISPATCH_CONSUMER, {key: ">"}, count=2)
    await world.dispatcher()
    await wait_until(lambda: seen(gateway, 3))
    assert await gateway.seqs(a) == [1, 2, 3]
    await wait_until(lambda: settled(world, number))


async def test_entry_that_a_deposed_owner_has_pulled_is_found(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    running = await world.dispatcher()
    await wait_until(lambda: running.owned == ALL)
    conversation = new_id()
    number = world.partition(conversation)
    key = world.keys.events(number)
    identifier = None
    while identifier is None:  # the dispatcher's own read may be faster
        async with world.redis.pipeline(transaction=True) as pipe:
            seq = await world.redis.incr(f"{world.keys.prefix}:seq")
            batch = event_of(conversation, seq, pair=(a, b))
            pipe.xadd(key, cast(Any, encode_batch(batch)))
            pipe.xreadgroup(DISPATCH_GROUP, DISPATCH_CONSUMER, {key: ">"})
            _, answer = await pipe.execute()
        identifier = answer or None
    await wait_until(lambda: seen(gateway, seq))
    await wait_until(lambda: settled(world, number))
    metrics = await running.metrics()
    assert metrics["agileim_dispatcher_redelivered_total"] >= 1


def encode_batch(*events: RoutedEvent) -> dict[bytes, bytes]:
    return encode(EventBatch(list(events)))


async def test_a_deposed_owner_confirms_nothing(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    # So slow that it cannot learn of its fate by renewing.
    running = await world.dispatcher(lease_ttl_s=60.0, upkeep_s=60.0)
    await wait_until(lambda: running.owned == ALL)
    conversation = new_id()
    number = world.partition(conversation)
    await world.redis.set(world.keys.owner(number), "somebody-else:9999999999999999")
    await world.add(event_of(conversation, 1, pair=(a, b)))
    await wait_until(lambda: number not in running.owned)
    assert await world.pending(number) == 1
    assert (await running.metrics())["agileim_dispatcher_fenced_writes_total"] == 1
    await gateway.events()
    assert all(fence < 9999999999999999 for _, fence in gateway.fences)
    assert running.owned == ALL - {number}


async def test_an_owner_whose_lease_has_ended_by_its_own_clock_writes_nothing(
    world: World,
) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    running = await world.dispatcher(lease_ttl_s=60.0, upkeep_s=60.0)
    await wait_until(lambda: running.owned == ALL)
    conversation = new_id()
    number = world.partition(conversation)
    partition = running.worker.owned.get(number)
    assert partition is not None
    partition.lease.deadline = time.monotonic()  # as after a pause of the process
    await world.add(event_of(conversation, 1, pair=(a, b)))
    other = world.conversation_in((number + 1) % PARTITIONS, new_id)
    await world.add(event_of(other, 1, pair=(a, b)))
    await wait_until(gateway.events)
    assert await gateway.events() == [(other, 1)]


async def test_an_entry_that_cannot_be_read_ends_in_the_dead_stream(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    running = await world.dispatcher()
    conversation = new_id()
    number = world.partition(conversation)
    bad = await world.redis.xadd(world.keys.events(number), {"d": b"\xc1 not msgpack", "x": "1"})
    await world.add(event_of(conversation, 1, pair=(a, b)))
    await wait_until(gateway.events)  # it stops nobody
    dead = world.keys.dead(number)
    await wait_until(lambda: world.redis.xlen(dead), timeout_s=10.0)
    ((_, fields),) = cast(Any, await world.redis.xrange(dead))
    assert fields[b"entry"] == bad
    assert fields[b"d"] == b"\xc1 not msgpack"
    assert fields[b"x"] == b"1"
    assert fields[b"reason"]
    await wait_until(lambda: settled(world, number))
    assert (await running.metrics())["agileim_dispatcher_dead_entries_total"] == 1


async def test_an_entry_trimmed_while_pending_is_given_up(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    conversation = new_id()
    number = world.partition(conversation)
    key = world.keys.events(number)
    await world.redis.xgroup_create(key, DISPATCH_GROUP, id="0", mkstream=True)
    await world.add(event_of(conversation, 1, pair=(a, b)))
    await world.redis.xreadgroup(DISPATCH_GROUP, DISPATCH_CONSUMER, {key: ">"})
    await world.add(event_of(conversation, 2, pair=(a, b)))
    await world.redis.xtrim(key, maxlen=1, approximate=False)
    running = await world.dispatcher()
    await wait_until(gateway.events)
    assert await gateway.seqs(a) == [2]
    await wait_until(lambda: settled(world, number))
    assert (await running.metrics())["agileim_dispatcher_entries_cut_total"] == 1


async def test_everything_starts_over_when_redis_was_wiped(own_redis: RedisServer) -> None:
    a, b = new_id(), new_id()
    async with world_of(own_redis.url, "im") as world:
        before = await gateway_of(world, a, b)
        running = await world.dispatcher()
        conversation = world.api.group([a, b])
        await world.add(world.api.event(conversation, 1))
        await wait_until(before.events)
        await world.redis.flushall()
        after = await gateway_of(world, a, b)
        await world.add(world.api.event(conversation, 2))
        await wait_until(after.events, timeout_s=10.0)
        assert await after.seqs(a) == [2]
        await wait_until(lambda: running.owned == ALL)
        await wait_until(lambda: settled(world, world.partition(conversation)))
        assert before.id not in running.worker.mirror.mirror.gateways


async def test_work_goes_on_after_redis_was_restarted(own_redis: RedisServer) -> None:
    a, b = new_id(), new_id()
    async with world_of(own_redis.url, "im") as world:
        gateway = await gateway_of(world, a, b)
        running = await world.dispatcher()
        conversation = new_id()
        await world.add(event_of(conversation, 1, pair=(a, b)))
        await wait_until(gateway.events)
        own_redis.stop()
        own_redis.start()
        await wait_until(lambda: added(world, event_of(conversation, 2, pair=(a, b))))

        async def both_came() -> bool:  # the first perhaps again: its confirmation may be lost
            return set(await gateway.seqs(a)) == {1, 2}

        await wait_until(both_came, timeout_s=15.0)
        await wait_until(lambda: running.owned == ALL, timeout_s=15.0)


async def added(world: World, event: Any) -> bool:
    try:
        await world.add(event)
    except RedisError:  # still starting
        return False
    return True


async def test_owned_partitions_are_shown_to_operators(world: World) -> None:
    running = await world.dispatcher()
    await wait_until(lambda: running.owned == ALL)
    shown = await running.get("/partitions")
    assert shown["dispatcher"] == running.worker.id
    assert [row["partition"] for row in shown["partitions"]] == sorted(ALL)
    metrics = await running.metrics()
    assert metrics["agileim_dispatcher_owned_partitions"] == PARTITIONS
    ready = await running.get("/readyz")
    assert ready["checks"]["dispatch"] == "ok"


def test_shares_differ_by_one_at_most_and_add_up() -> None:
    for partitions in (1, 4, 7, 32):
        for number in (1, 2, 3, 5, 40):
            living = [f"d{index}" for index in range(number)]
            shares = [fair_share(me, living, partitions) for me in living]
            assert sum(shares) == partitions
            assert max(shares) - min(shares) <= 1


async def test_an_event_that_fails_to_be_routed_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    running = await world.dispatcher()
    await wait_until(lambda: running.owned == ALL)
    conversation = new_id()
    route, failures = Router.route, [2, 2]

    def fails_twice(router: Router, event: RoutedEvent, *rest: Any) -> int:
        if failures and event.seq == failures[0]:
            failures.pop()
            raise RuntimeError("a bug")
        return route(router, event, *rest)

    monkeypatch.setattr(Router, "route", fails_twice)
    await world.add(*(event_of(conversation, seq, pair=(a, b)) for seq in (1, 2, 3)))

    async def all_came() -> bool:
        return len(set(await gateway.seqs(a))) == 3

    await wait_until(all_came)
    await wait_until(lambda: settled(world, world.partition(conversation)))
    # The others did not wait. A slow machine may lose its lease meanwhile, and repeat some.
    assert list(dict.fromkeys(await gateway.seqs(a))) == [1, 3, 2]
    assert failures == []


async def test_an_event_that_always_fails_ends_in_the_dead_stream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = new_id(), new_id()
    gateway = await gateway_of(world, a, b)
    conversation = new_id()
    route = Router.route

    def fails(router: Router, event: RoutedEvent, *rest: Any) -> int:
        if event.seq == 2:
            raise RuntimeError("a bug")
        return route(router, event, *rest)

    monkeypatch.setattr(Router, "route", fails)
    await world.dispatcher(upkeep_s=0.05)
    for seq in (1, 2, 3):
        await world.add(event_of(conversation, seq, pair=(a, b)))
    number = world.partition(conversation)
    await wait_until(lambda: world.redis.xlen(world.keys.dead(number)), timeout_s=10.0)
    ((_, fields),) = cast(Any, await world.redis.xrange(world.keys.dead(number)))
    assert fields[b"reason"] == b"RuntimeError: a bug"
    await wait_until(lambda: settled(world, number))
    assert await gateway.seqs(a) == [1, 3]
