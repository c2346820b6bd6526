"""Typing, receipts and presence reach those who may see them, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from services.dispatcher.domain.watching import OFFLINE_AFTER_S
from shared.entries import ReceiptSignal, TypingSignal, WatchSignal
from shared.ids import new_id
from shared.limits import PRESENCE_MAX_MEMBERS
from tests.dispatcher.support import PARTITIONS, Gateway, World
from tests.support.servers import wait_until


@pytest.fixture
async def gateway(world: World) -> Gateway:
    running = await world.dispatcher()
    await wait_until(lambda: len(running.owned) == PARTITIONS)
    return await world.gateway()


async def frames(gateway: Gateway, kind: str) -> list[tuple[list[str], dict[str, Any]]]:
    return [(users, frame) for users, frame in await gateway.signals() if frame["type"] == kind]


async def test_typing_reaches_the_others_who_are_online(world: World, gateway: Gateway) -> None:
    a, b, offline = new_id(), new_id(), new_id()
    await gateway.connect(a, b)
    conversation = world.api.group([a, b, offline])
    await world.signal(conversation, TypingSignal(conversation, a, True))
    await wait_until(lambda: frames(gateway, "typing"))
    ((users, frame),) = await frames(gateway, "typing")
    assert users == [b]
    assert (frame["conversation"], frame["user"]) == (conversation, a)


async def test_typing_of_a_stranger_or_in_a_large_room_is_dropped(
    world: World, gateway: Gateway
) -> None:
    a, b, stranger = new_id(), new_id(), new_id()
    await gateway.connect(a, b, stranger)
    conversation = world.conversation_in(0, lambda: world.api.group([a, b]))
    large = world.conversation_in(
        0, lambda: world.api.group([a, b, *(new_id() for _ in range(PRESENCE_MAX_MEMBERS))])
    )
    await world.signal(conversation, TypingSignal(conversation, stranger, True))
    await world.signal(large, TypingSignal(large, a, True))
    await wait_until(lambda: len(world.api.asked) == 2)
    await world.signal(conversation, TypingSignal(conversation, a, True))
    await wait_until(lambda: frames(gateway, "typing"))
    ((users, frame),) = await frames(gateway, "typing")
    assert (users, frame["user"], frame["conversation"]) == ([b], a, conversation)


async def test_receipts_reach_all_members_the_users_own_devices_too(
    world: World, gateway: Gateway
) -> None:
    a, b, stranger = new_id(), new_id(), new_id()
    await gateway.connect(a, b, stranger)
    conversation = world.api.group([a, b])
    await world.signal(conversation, ReceiptSignal(conversation, a, 7, 5))
    await wait_until(lambda: frames(gateway, "receipt"))
    ((users, frame),) = await frames(gateway, "receipt")
    assert sorted(users) == sorted([a, b])
    assert (frame["user"], frame["delivered"], frame["read"]) == (a, 7, 5)


async def test_what_somebody_has_read_is_kept_from_whom_it_is_not_for(
    world: World, gateway: Gateway
) -> None:
    a, b, c = new_id(), new_id(), new_id()
    await gateway.connect(a, b, c)
    conversation = world.api.group([a, b, c])
    await world.signal(conversation, ReceiptSignal(conversation, a, 7, 5, blind=[b]))
    await world.signal(conversation, ReceiptSignal(conversation, b, 7, 5, private=True, blind=[b]))

    async def four() -> bool:
        return len(await frames(gateway, "receipt")) == 4

    await wait_until(four)
    told = {
        (frame["user"], frame["read"]): set(users)
        for users, frame in await frames(gateway, "receipt")
    }
    assert told == {(a, 5): {a, c}, (a, 0): {b}, (b, 5): {b}, (b, 0): {a, c}}


async def test_watching_tells_who_is_online_and_what_changes(
    world: World, gateway: Gateway
) -> None:
    a, b, c = new_id(), new_id(), new_id()
    (watcher, other) = await gateway.connect(a, b)
    conversation = world.api.group([a, b, c])
    await world.signal(conversation, WatchSignal(watcher, a, [conversation]))
    await wait_until(lambda: frames(gateway, "presence"))
    ((users, frame),) = await frames(gateway, "presence")
    assert users == [a]
    assert frame["full"] is True
    assert {user["user"]: user["state"] for user in frame["users"]} == {a: "online", b: "online"}

    await gateway.connect(c)
    await wait_until(lambda: told(gateway, c, "online"))
    await gateway.disconnect(other)
    await wait_until(lambda: told(gateway, b, "offline"), timeout_s=OFFLINE_AFTER_S + 4)
    assert [users for users, _ in await frames(gateway, "presence")] == [[a]] * 3


async def told(gateway: Gateway, user: str, state: str) -> bool:
    return any(
        who["user"] == user and who["state"] == state
        for _, frame in await frames(gateway, "presence")
        for who in frame["users"]
    )


async def test_who_is_not_a_member_watches_nothing(world: World, gateway: Gateway) -> None:
    a, stranger = new_id(), new_id()
    (_, watcher, honest) = await gateway.connect(a, stranger, a)
    conversation = world.api.group([a])
    await world.signal(conversation, WatchSignal(watcher, stranger, [conversation]))
    # A connection cannot be watched for by somebody else's name either.
    await world.signal(conversation, WatchSignal(watcher, a, [conversation]))
    await world.signal(conversation, WatchSignal(honest, a, [conversation]))
    await wait_until(lambda: frames(gateway, "presence"))
    ((users, _),) = await frames(gateway, "presence")
    assert users == [a]


async def test_removed_member_no_longer_sees_presence(world: World, gateway: Gateway) -> None:
    a, b, c = new_id(), new_id(), new_id()
    watchers = await gateway.connect(a, b)
    conversation = world.api.group([a, b, c])
    for connection, user in zip(watchers, (a, b), strict=True):
        await world.signal(conversation, WatchSignal(connection, user, [conversation]))
    await wait_until(lambda: count(gateway, 2))
    await world.add(world.api.event(conversation, 1, left=[b]))
    await wait_until(gateway.events)
    await gateway.connect(c)
    await wait_until(lambda: told(gateway, c, "online"))
    users, _ = (await frames(gateway, "presence"))[-1]
    assert users == [a]


async def count(gateway: Gateway, wanted: int) -> bool:
    return len(await frames(gateway, "presence")) >= wanted


async def test_watches_survive_a_change_of_owner(world: World) -> None:
    a, b = new_id(), new_id()
    gateway = await world.gateway()
    (watcher,) = await gateway.connect(a)
    first = await world.dispatcher()
    await wait_until(lambda: len(first.owned) == PARTITIONS)
    conversation = world.api.group([a, b])
    await world.signal(conversation, WatchSignal(watcher, a, [conversation]))
    await wait_until(lambda: count(gateway, 1))
    await first.stop()
    second = await world.dispatcher()
    await wait_until(lambda: len(second.owned) == PARTITIONS)
    await wait_until(lambda: count(gateway, 2))  # the full list again
    await gateway.connect(b)
    await wait_until(lambda: told(gateway, b, "online"))


async def test_an_owner_that_comes_back_knows_who_joined_meanwhile(world: World) -> None:
    a, b, c = new_id(), new_id(), new_id()
    gateway = await world.gateway()
    watcher, _ = await gateway.connect(a, c)
    first = await world.dispatcher()
    await wait_until(lambda: len(first.owned) == PARTITIONS)
    conversations = [
        world.conversation_in(number, lambda: world.api.group([a, b])) for number in first.owned
    ]
    for conversation in conversations:
        await world.signal(conversation, WatchSignal(watcher, a, [conversation]))
    await wait_until(lambda: count(gateway, PARTITIONS))  # so their members are known now
    second = await world.dispatcher()
    await wait_until(lambda: len(second.owned) == PARTITIONS // 2)
    moved = [each for each in conversations if world.partition(each) in second.owned]
    await wait_until(lambda: count(gateway, PARTITIONS + len(moved)))
    for conversation in moved:
        await world.add(world.api.event(conversation, 1, joined=[c]))
    await wait_until(lambda: count(gateway, PARTITIONS + 2 * len(moved)))
    await second.stop()
    seen = len(await frames(gateway, "presence"))
    await wait_until(lambda: len(first.owned) == PARTITIONS)
    await wait_until(lambda: count(gateway, seen + len(moved)))
    for _, frame in (await frames(gateway, "presence"))[seen:]:
        assert {user["user"] for user in frame["users"]} == {a, c}
