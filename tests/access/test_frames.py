"""The table's rows for the socket: what each frame does in whose hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, get_args

import pytest

from services.api.settings import ApiSettings
from shared.codes import CloseCode
from shared.frames import ClientFrame
from shared.internal import SCOPE_GATEWAY
from tests.access.answers import PEOPLE, Actor
from tests.access.row import FrameRow
from tests.access.scene import Scene, build, filled
from tests.access.system import System, running_system
from tests.access.table import rows
from tests.gateway.world import Client
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer

TABLE = [row for row in rows() if isinstance(row, FrameRow)]
# Frames that others see, or nobody.
QUIET = {"read", "typing", "watch", "away", "pong"}
# What may come at any time, because of what others do.
NEWS = {"event", "receipt", "presence", "person", "ping"}


def name_of(frame: Any) -> str:
    return str(frame.__struct_config__.tag)


def test_every_frame_has_a_row() -> None:
    in_table = {name_of(row.frame) for row in TABLE}
    assert {name_of(frame) for frame in get_args(ClientFrame)} == in_table
    for row in TABLE:
        assert row.answers.keys() == {Actor.ANONYMOUS, *PEOPLE, Actor.NARROW_SERVICE}, row
    assert len({str(row) for row in TABLE}) == len(TABLE), "two rows of a frame need notes"


@pytest.fixture
async def system(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[System]:
    async with running_system(replace(settings, partitions=1), issuer) as running:
        yield running


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_a_frame_does_what_the_table_says(system: System, row: FrameRow) -> None:
    scene = await build(system.api, row.place)
    got = {actor: await _outcome(system, scene, row, actor) for actor in row.answers}
    assert got == {actor: str(expected) for actor, expected in row.answers.items()}


async def _outcome(system: System, scene: Scene, row: FrameRow, actor: Actor) -> str:
    token = _token(system, scene, actor)
    names = scene.names(actor, row.place, {})
    names |= {"token": token or "no token", "outsider_token": scene.people["outsider"].token}
    frame = {"type": name_of(row.frame), **filled(row.fields, names)}
    client = await system.socket()
    greets = row.frame.__name__ != "Hello" or bool(row.note)
    if greets and token:
        await client.send(type="hello", token=token)
        greeting = await client.next()
        if greeting["type"] == "close":
            return CloseCode(greeting["code"]).name
    if frame["type"] in QUIET and actor in PEOPLE:
        outcome = await _SEEN[frame["type"]](system, scene, actor, client, frame, names)
    else:
        await client.send(**frame)
        while (answer := await client.next())["type"] in NEWS:
            pass
        outcome = _word(answer)
    await client.socket.close()
    return outcome


def _token(system: System, scene: Scene, actor: Actor) -> str:
    if actor is Actor.ANONYMOUS:
        return ""
    if actor is Actor.NARROW_SERVICE:
        return system.api.issuer.service_token(SCOPE_GATEWAY)
    return scene.people[actor].token


def _word(frame: dict[str, Any]) -> str:
    if frame["type"] == "close":
        return CloseCode(frame["code"]).name
    return str(frame.get("code", frame["type"]))


async def _taken(client: Client) -> list[dict[str, Any]]:
    """Wait until the gateway has taken in all that the client said; what came meanwhile."""
    await client.send(type="ack", n=1_000_000)
    before = []
    while (frame := await client.next())["type"] != "error":
        if frame["type"] not in NEWS:
            before.append(frame)
    assert frame["frame"] == "ack"
    return before


# --- frames without an answer: what they do to others -------------------------------------------


async def _quiet(
    system: System, scene: Scene, actor: Actor, client: Client, frame: Any, names: Any
) -> str:
    await client.send(**frame)
    came = await _taken(client)
    return _word(came[0]) if came else "nothing"


async def _read(
    system: System, scene: Scene, actor: Actor, client: Client, frame: Any, names: Any
) -> str:
    """Whether the member's mark has moved, or one has come to be."""
    question = "SELECT read_seq FROM members WHERE conversation_id = %s AND user_id = %s"
    where = (names["conversation"], scene.people[actor].id)
    reset = "UPDATE members SET read_seq = 0 WHERE conversation_id = %s AND user_id = %s"
    await system.api.database.execute(reset, where)
    await client.send(**frame)
    came = await _taken(client)
    await system.gateway.receipts.report()
    await wait_until(lambda: system.gateway.receipts.waiting == 0)
    row = await system.api.database.fetch_one(question, where)
    moved = row is not None and row[0] == frame["seq"]
    return "moved" if moved else _word(came[0]) if came else "nothing"


async def _typing(
    system: System, scene: Scene, actor: Actor, client: Client, frame: Any, names: Any
) -> str:
    """Whether `target` hears of it, before something that `target` must hear."""
    listener = await _welcome(system, scene, "target")
    if names["place"] == "group":
        other, there = "second_admin", names["conversation"]
    else:
        other = Actor.ADMIN if actor is Actor.MEMBER else Actor.MEMBER
        there = scene.directs[other][0]
    sure = await _welcome(system, scene, other)
    await client.send(**frame)
    await _taken(client)
    await sure.send(type="typing", conversation=there)
    heard = await listener.expect("typing", skip=("ping", "event", "receipt", "presence"))
    for one in (listener, sure):
        await one.socket.close()
    return "heard" if heard["user"] == scene.people[actor].id else "nothing"


async def _watch(
    system: System, scene: Scene, actor: Actor, client: Client, frame: Any, names: Any
) -> str:
    """Whether presence comes, before that of a conversation where it must come."""
    own = await scene.people[actor].group_with(scene.people["outsider"])
    await client.send(type="watch", conversations=[own])  # now its members are known
    await client.expect("presence", skip=("ping", "event", "receipt"))
    sure = await _welcome(system, scene, "target")
    await sure.send(type="watch", conversations=frame["conversations"])
    await sure.expect("presence", skip=("ping", "event", "receipt"))
    await client.send(**frame | {"conversations": [*frame["conversations"], own]})
    first = await client.expect("presence", skip=("ping", "event", "receipt"))
    await sure.socket.close()
    return "presence" if first["conversation"] in frame["conversations"] else "nothing"


async def _welcome(system: System, scene: Scene, name: str) -> Client:
    client = await system.socket()
    await client.send(type="hello", token=scene.people[name].token)
    await client.expect("welcome")
    return client


_SEEN = {"pong": _quiet, "away": _quiet, "read": _read, "typing": _typing, "watch": _watch}
