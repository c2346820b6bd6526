"""Events reach the gateways of those who may see them, in order, once."""

from __future__ import annotations

from services.dispatcher.domain.routing import CACHED_FROM
from shared.ids import EVERYBODY, new_id
from tests.dispatcher.support import World, event_of
from tests.support.servers import wait_until


async def test_direct_message_reaches_both_without_asking_api(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await world.gateway()
    await gateway.connect(a, b)
    await world.dispatcher()
    conversation = new_id()
    event = event_of(conversation, 1, pair=(a, b), trace="t")
    await world.add(event)
    await wait_until(gateway.events)
    (item,) = gateway.items
    assert item.frame == event.frame
    assert sorted(item.users) == sorted([a, b])
    assert (item.conversation, item.seq, item.trace) == (conversation, 1, "t")
    assert item.committed_ms == event.committed_ms
    assert world.api.asked == []
    await wait_until(lambda: _settled(world, conversation))


async def _settled(world: World, conversation: str) -> bool:
    return await world.pending(world.partition(conversation)) == 0


async def test_each_gateway_gets_its_own_users(world: World) -> None:
    a, b, c, nobody = (new_id() for _ in range(4))
    one, two = await world.gateway("one"), await world.gateway("two")
    await one.connect(a, b)
    await two.connect(b, c)
    dispatcher = await world.dispatcher()
    conversation = world.api.group([a, b, c, nobody])
    await world.add(world.api.event(conversation, 1))
    await wait_until(one.events)
    await wait_until(two.events)
    assert sorted(one.items[0].users) == sorted([a, b])
    assert sorted(two.items[0].users) == sorted([b, c])
    metrics = await dispatcher.metrics()
    assert metrics["agileim_dispatcher_offline_recipients_total"] == 1
    assert metrics["agileim_dispatcher_events_routed_total"] == 1
    assert metrics["agileim_dispatcher_event_latency_seconds_count"] == 1


async def test_entries_of_two_api_replicas_come_out_in_order(world: World) -> None:
    a = new_id()
    gateway = await world.gateway()
    await gateway.connect(a)
    await world.dispatcher()
    conversation = world.api.group([a])
    events = [world.api.event(conversation, seq) for seq in range(1, 8)]
    await world.add(events[0])
    await wait_until(gateway.events)
    for index in (2, 1, 4, 4, 3, 6, 5):
        await world.add(events[index])
    await wait_until(lambda: _count(gateway.events, 7))
    assert await gateway.seqs(a) == [1, 2, 3, 4, 5, 6, 7]
    await wait_until(lambda: _settled(world, conversation))
    assert not [question for question in world.api.asked if question.startswith("events")]


async def _count(source: object, wanted: int) -> bool:
    return len(await source()) >= wanted  # type: ignore[operator]


async def test_missing_event_is_fetched_from_api(world: World) -> None:
    a = new_id()
    gateway = await world.gateway()
    await gateway.connect(a)
    dispatcher = await world.dispatcher()
    conversation = world.api.group([a])
    events = [world.api.event(conversation, seq) for seq in range(1, 6)]
    await world.add(events[0])
    await world.add(events[4])  # 2, 3 and 4 were never written
    await wait_until(lambda: _count(gateway.events, 5))
    assert await gateway.seqs(a) == [1, 2, 3, 4, 5]
    assert (await dispatcher.metrics())["agileim_dispatcher_gaps_filled_total"] == 3
    await world.add(*events[1:4])  # the relay brings them after all
    await wait_until(lambda: _settled(world, conversation))
    assert await gateway.seqs(a) == [1, 2, 3, 4, 5]
    assert (await dispatcher.metrics())["agileim_dispatcher_repeats_total"] == 3


async def test_gap_that_api_cannot_fill_is_left_to_the_clients(world: World) -> None:
    a = new_id()
    gateway = await world.gateway()
    await gateway.connect(a)
    dispatcher = await world.dispatcher()
    conversation = world.api.group([a])
    await world.add(world.api.event(conversation, 1))
    await world.add(world.api.event(conversation, 4))
    await wait_until(lambda: _count(gateway.events, 2))
    assert await gateway.seqs(a) == [1, 4]
    assert (await dispatcher.metrics())["agileim_dispatcher_gaps_skipped_total"] == 1


async def test_joined_get_nothing_earlier_and_left_nothing_later(world: World) -> None:
    stays, comes, goes = new_id(), new_id(), new_id()
    gateway = await world.gateway()
    await gateway.connect(stays, comes, goes)
    await world.dispatcher()
    conversation = world.api.group([stays, goes])
    event = world.api.event
    await world.add(event(conversation, 1))
    await wait_until(gateway.events)
    await world.add(event(conversation, 2, joined=[comes]), event(conversation, 3))
    await world.add(event(conversation, 4, left=[goes]))
    await world.add(event(conversation, 5), event(conversation, 6, left=[comes]))
    await world.add(event(conversation, 7, joined=[goes]), event(conversation, 8))
    await wait_until(lambda: _count(gateway.events, 8))
    assert await gateway.seqs(stays) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert await gateway.seqs(comes) == [2, 3, 4, 5, 6]
    assert await gateway.seqs(goes) == [1, 2, 3, 4, 7, 8]
    assert len(world.api.asked) == 1  # the rest follows from the events


async def test_members_are_exact_when_the_list_is_newer_than_the_event(world: World) -> None:
    stays, comes, goes = new_id(), new_id(), new_id()
    gateway = await world.gateway()
    await gateway.connect(stays, comes, goes)
    conversation = world.api.group([stays, goes])
    event = world.api.event
    entries = [event(conversation, 4), event(conversation, 5, joined=[comes])]
    entries += [event(conversation, 6, left=[goes]), event(conversation, 7)]
    await world.add(*entries)  # api's list is as of 7 when it is asked for 4
    await world.dispatcher()
    await wait_until(lambda: _count(gateway.events, 4))
    assert await gateway.seqs(stays) == [4, 5, 6, 7]
    assert await gateway.seqs(comes) == [5, 6, 7]
    assert await gateway.seqs(goes) == [4, 5, 6]


async def test_room_follows_joins_leaves_and_presence(world: World) -> None:
    users = [new_id() for _ in range(3 * CACHED_FROM)]
    late, extra = users[-1], new_id()
    one, two = await world.gateway("one"), await world.gateway("two")
    await one.connect(*users[:-1], extra)
    await world.dispatcher()
    conversation = world.api.group(users)
    event = world.api.event
    await world.add(event(conversation, 1))
    await wait_until(one.events)
    assert set(one.items[0].users) == set(users[:-1])
    (connection,) = await two.connect(late)
    await world.add(event(conversation, 2))
    await wait_until(two.events)
    assert two.items[0].users == [late]
    await two.disconnect(connection)
    await world.add(event(conversation, 3, joined=[extra]), event(conversation, 4))
    await world.add(event(conversation, 5, left=[users[0]]), event(conversation, 6))
    await wait_until(lambda: _count(one.events, 6))
    assert await two.seqs(late) == [2]
    assert await one.seqs(extra) == [3, 4, 5, 6]
    assert await one.seqs(users[0]) == [1, 2, 3, 4, 5]
    assert await one.seqs(users[1]) == [1, 2, 3, 4, 5, 6]


async def test_origin_is_left_out_and_the_senders_other_devices_are_not(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await world.gateway()
    (origin, _) = await gateway.connect(a, b)
    await world.dispatcher()
    conversation = new_id()
    await world.add(event_of(conversation, 1, pair=(a, b), origin=origin))
    await wait_until(gateway.events)
    assert gateway.items[0].users == [b]
    await gateway.connect(a)
    await world.add(event_of(conversation, 2, pair=(a, b), origin=origin))
    await wait_until(lambda: _count(gateway.events, 2))
    assert sorted(gateway.items[1].users) == sorted([a, b])
    assert gateway.items[1].skip == origin


async def test_unknown_conversation_is_confirmed_and_counted(world: World) -> None:
    dispatcher = await world.dispatcher()
    conversation = new_id()
    await world.add(event_of(conversation, 9))
    await wait_until(lambda: _unknown(dispatcher, 1))
    await wait_until(lambda: _settled(world, conversation))


async def test_event_beyond_the_head_of_a_restored_database_is_confirmed(world: World) -> None:
    dispatcher = await world.dispatcher()
    conversation = world.api.group([new_id()])
    world.api.as_of[conversation] = 3
    await world.add(event_of(conversation, 9))
    await wait_until(lambda: _unknown(dispatcher, 1))
    await wait_until(lambda: _settled(world, conversation))


async def _unknown(dispatcher: object, wanted: int) -> bool:
    metrics = await dispatcher.metrics()  # type: ignore[attr-defined]
    return bool(metrics["agileim_dispatcher_unknown_events_total"] == wanted)


async def test_unavailable_api_delays_only_the_conversation_concerned(world: World) -> None:
    a = new_id()
    gateway = await world.gateway()
    await gateway.connect(a)
    dispatcher = await world.dispatcher()
    stuck = world.conversation_in(0, lambda: world.api.group([a]))
    fine = world.conversation_in(0, lambda: world.api.group([a]))
    world.api.down.add(stuck)
    await world.add(world.api.event(stuck, 1))
    await world.add(world.api.event(stuck, 2))
    await world.add(world.api.event(fine, 1))
    await wait_until(gateway.events)
    assert await gateway.events() == [(fine, 1)]
    await wait_until(lambda: world.api.asked.count(f"members {stuck}") >= 4)
    assert await world.pending(0) == 2
    world.api.down.clear()
    await wait_until(lambda: _count(gateway.events, 3))
    assert (await gateway.events())[1:] == [(stuck, 1), (stuck, 2)]
    await wait_until(lambda: _settled(world, stuck))
    assert (await dispatcher.metrics())["agileim_dispatcher_dead_entries_total"] == 0


async def test_confirmed_entries_are_trimmed_and_pending_ones_kept(world: World) -> None:
    a = new_id()
    gateway = await world.gateway()
    await gateway.connect(a)
    await world.dispatcher()
    stuck = world.conversation_in(1, lambda: world.api.group([a]))
    fine = world.conversation_in(1, lambda: world.api.group([a]))
    key = world.keys.events(1)
    for seq in range(1, 21):
        await world.add(world.api.event(fine, seq))
    await wait_until(lambda: _length(world, key, 1))
    world.api.down.add(stuck)
    await world.add(world.api.event(stuck, 1))
    for seq in range(21, 31):
        await world.add(world.api.event(fine, seq))
    await wait_until(lambda: _count(gateway.events, 30))
    await wait_until(lambda: _length(world, key, 11))
    world.api.down.clear()
    await wait_until(lambda: _length(world, key, 1))
    assert (stuck, 1) in await gateway.events()


async def _length(world: World, key: str, wanted: int) -> bool:
    return await world.redis.xlen(key) == wanted


async def test_a_group_that_is_dissolved_tells_all_and_then_nobody(world: World) -> None:
    users = [new_id() for _ in range(CACHED_FROM + 5)]
    gateway = await world.gateway()
    await gateway.connect(*users)
    await world.dispatcher()
    conversation = world.api.group(users)
    await world.add(world.api.event(conversation, 1))
    await wait_until(gateway.events)  # by now the members are known
    await world.add(world.api.event(conversation, 2, left=[EVERYBODY]))
    await world.add(world.api.event(conversation, 3))

    async def two() -> bool:
        return len(await gateway.events()) >= 2

    await wait_until(two)
    await wait_until(lambda: _settled(world, conversation))
    await gateway.events()
    told = {(item.conversation, item.seq): set(item.users) for item in gateway.items}
    assert told == {
        (conversation, 1): set(users), (conversation, 2): set(users),
    }  # fmt: skip
