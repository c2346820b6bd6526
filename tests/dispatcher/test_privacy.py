"""Nobody is told of the presence and the typing of who does not show it to them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.domain.visibility import Card
from shared.entries import PersonChange, Presence, PresenceChange, TypingSignal, WatchSignal
from shared.ids import new_id
from shared.internal import Visibility
from tests.dispatcher.support import PARTITIONS, Gateway, World
from tests.support.servers import wait_until


@pytest.fixture
async def gateway(world: World) -> Gateway:
    running = await world.dispatcher()
    await wait_until(lambda: len(running.owned) == PARTITIONS)
    return await world.gateway()


async def frames(gateway: Gateway, kind: str) -> list[tuple[list[str], dict[str, Any]]]:
    return [(users, frame) for users, frame in await gateway.signals() if frame["type"] == kind]


async def shown(gateway: Gateway, viewer: str) -> dict[str, str]:
    """As what the viewer sees everybody now, by all presence frames so far."""
    states: dict[str, str] = {}
    for users, frame in await frames(gateway, "presence"):
        if viewer in users:
            states = {} if frame.get("full") else states
            states |= {user["user"]: user["state"] for user in frame["users"]}
    return {user: state for user, state in states.items() if state != "offline"}


async def watch(world: World, gateway: Gateway, conversation: str, user: str) -> str:
    (connection,) = await gateway.connect(user)
    before = len(await frames(gateway, "presence"))
    await world.signal(conversation, WatchSignal(connection, user, [conversation]))

    async def told() -> bool:
        return any(
            user in users and frame.get("full")
            for users, frame in (await frames(gateway, "presence"))[before:]
        )

    await wait_until(told)
    return connection


def test_the_audience_of_a_card() -> None:
    everyone = Card("everyone", frozenset(), frozenset({"foe"}), 0)
    assert everyone.shows_to("any")
    assert not everyone.shows_to("foe")
    contacts = Card("contacts", frozenset({"friend", "foe"}), frozenset({"foe"}), 0)
    assert contacts.shows_to("friend")
    assert not contacts.shows_to("any")
    assert not contacts.shows_to("foe")
    nobody = Card("nobody", frozenset({"friend"}), frozenset(), 0)
    assert not nobody.shows_to("friend")
    assert nobody.reaches("friend")


async def test_who_shows_it_to_contacts_or_nobody_is_seen_by_them_alone(
    world: World, gateway: Gateway
) -> None:
    viewer, friend, hermit, shy = new_id(), new_id(), new_id(), new_id()
    world.api.people[hermit] = Visibility(hermit, "nobody")
    world.api.people[shy] = Visibility(shy, "contacts", contacts=[friend])
    conversation = world.api.group([viewer, friend, hermit, shy])
    (hermits, shys) = await gateway.connect(hermit, shy)
    await watch(world, gateway, conversation, viewer)
    await watch(world, gateway, conversation, friend)
    await wait_until(lambda: _is(gateway, viewer, {viewer, friend}))
    await wait_until(lambda: _is(gateway, friend, {viewer, friend, shy}))
    # Going and coming is told to the same ones.
    await gateway.disconnect(hermits, shys)
    await wait_until(lambda: _is(gateway, friend, {viewer, friend}))
    await gateway.connect(hermit, shy)
    await wait_until(lambda: _is(gateway, friend, {viewer, friend, shy}))
    told = [
        user["user"]
        for users, frame in await frames(gateway, "presence")
        for user in frame["users"]
        if viewer in users
    ]
    assert not {hermit, shy} & set(told)


async def _is(gateway: Gateway, viewer: str, users: set[str]) -> bool:
    return set(await shown(gateway, viewer)) == users


async def test_a_block_hides_both_from_each_other_at_once_and_its_end_shows_them(
    world: World, gateway: Gateway
) -> None:
    a, b = new_id(), new_id()
    conversation = world.api.group([a, b])
    await watch(world, gateway, conversation, a)
    await watch(world, gateway, conversation, b)
    await wait_until(lambda: _is(gateway, a, {a, b}))
    world.api.people = {
        a: Visibility(a, "everyone", blocked=[b]), b: Visibility(b, "everyone", blocked=[a]),
    }  # fmt: skip
    await world.news(PersonChange(a), PersonChange(b))
    await wait_until(lambda: _is(gateway, a, {a}))
    await wait_until(lambda: _is(gateway, b, {b}))
    world.api.people = {}
    await world.news(PersonChange(a), PersonChange(b))
    await wait_until(lambda: _is(gateway, a, {a, b}))
    await wait_until(lambda: _is(gateway, b, {a, b}))


async def test_typing_does_not_pass_a_block(world: World, gateway: Gateway) -> None:
    a, foe, other = new_id(), new_id(), new_id()
    world.api.people[a] = Visibility(a, "nobody", blocked=[foe])
    await gateway.connect(a, foe, other)
    conversation = world.api.group([a, foe, other])
    await world.signal(conversation, TypingSignal(conversation, a, True))
    await wait_until(lambda: frames(gateway, "typing"))
    ((users, _),) = await frames(gateway, "typing")
    assert users == [other]


async def test_while_api_is_away_nothing_is_told_and_then_all(
    world: World, gateway: Gateway
) -> None:
    a, b = new_id(), new_id()
    conversation = world.api.group([a, b])
    await watch(world, gateway, conversation, a)
    world.api.people_down = True
    (connection,) = await gateway.connect(b)
    await gateway.idle(connection, b, True)
    await world.news(PersonChange(b))
    world.api.people_down = False
    await wait_until(lambda: _state(gateway, a, b, "away"))


async def _state(gateway: Gateway, viewer: str, user: str, state: str) -> bool:
    return (await shown(gateway, viewer)).get(user) == state


async def test_away_is_when_no_device_is_in_use(world: World, gateway: Gateway) -> None:
    a, b = new_id(), new_id()
    conversation = world.api.group([a, b])
    await watch(world, gateway, conversation, a)
    first, second = await gateway.connect(b, b)
    await wait_until(lambda: _state(gateway, a, b, "online"))
    await gateway.idle(first, b, True)
    await gateway.idle(second, b, True)
    await wait_until(lambda: _state(gateway, a, b, "away"))
    await gateway.idle(second, b, False)
    await wait_until(lambda: _state(gateway, a, b, "online"))
    await gateway.disconnect(second)
    await wait_until(lambda: _state(gateway, a, b, "away"))
    await gateway.disconnect(first)
    await wait_until(lambda: _is(gateway, a, {a}))


def test_the_mirror_adds_devices_up() -> None:
    mirror = PresenceMirror()

    def came(connection: str, away: bool = False, gateway: str = "g") -> set[str]:
        return mirror.apply(PresenceChange(gateway, [(connection, Presence("u", "s", 0, away))]))

    assert came("1") == {"u"}
    assert mirror.state("u") == "online"
    assert came("1", away=True) == {"u"}
    assert mirror.state("u") == "away"
    assert came("1", away=True) == set()
    assert came("2", gateway="h") == {"u"}
    assert mirror.state("u") == "online"
    assert mirror.apply(PresenceChange("h", gone=True)) == {"u"}
    assert mirror.state("u") == "away"
    came("1", gateway="k")  # a reborn gateway
    assert mirror.state("u") == "online"
    mirror.apply(PresenceChange("k", went=["1"]))
    assert mirror.state("u") == "offline"
    assert came("1", away=True) == {"u"}
    assert mirror.state("u") == "away"


async def test_when_somebody_was_last_here_is_told_to_api_and_to_whom_it_may_be(
    world: World, gateway: Gateway
) -> None:
    a, b = new_id(), new_id()
    (connection,) = await gateway.connect(b)
    before = int(time.time() * 1000)
    await gateway.disconnect(connection)
    await wait_until(lambda: world.api.seen_ms.get(b, 0) >= before)
    world.api.people[b] = Visibility(b, "everyone", last_seen_ms=before)
    conversation = world.api.group([a, b])
    await watch(world, gateway, conversation, a)
    ((_, frame),) = await frames(gateway, "presence")
    (there,) = [user for user in frame["users"] if user["user"] == b]
    assert there["state"] == "offline"
    assert there["last_seen"]


async def test_what_somebody_looks_like_now_reaches_those_who_watch_them(
    world: World, gateway: Gateway
) -> None:
    a, b, stranger = new_id(), new_id(), new_id()
    await gateway.connect(stranger)
    conversation = world.api.group([a, b])
    await watch(world, gateway, conversation, a)
    await world.news(PersonChange(b, b'{"type":"person","user":"b","display_name":"New"}'))
    await wait_until(lambda: frames(gateway, "person"))
    ((users, frame),) = await frames(gateway, "person")
    assert users == [a]
    assert frame["display_name"] == "New"
