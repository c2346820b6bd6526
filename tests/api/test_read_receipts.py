"""Who has got and read a message, when, and who keeps that to themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import RAISE

from services.api import schemas
from services.api.store.read_receipts import ReadReceipts
from shared.limits import MARK_TIMES_S, RECEIPTS_MAX_MEMBERS
from tests.api.rig import Caller, RunningApi
from tests.support.servers import wait_until


async def mark(caller: Caller, room: str, **marks: int) -> None:
    await caller.post(f"/v1/conversations/{room}/receipts", marks)


async def receipts(caller: Caller, room: str, seq: int) -> Any:
    answer = await caller.get(f"/v1/conversations/{room}/messages/{seq}/receipts")
    assert schemas.MessageReceipts(unknown=RAISE).validate(answer) == {}
    return answer


async def test_each_member_has_a_time_for_each_message(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob, eve)
    first, second = [(await ada.say(room))["seq"] for _ in range(2)]
    start = datetime.now(UTC) - timedelta(seconds=5)
    await mark(bob, room, delivered_seq=first)
    await mark(bob, room, read_seq=second)
    await mark(eve, room, delivered_seq=second)
    of_first, of_second = await receipts(ada, room, first), await receipts(ada, room, second)
    assert (of_first["delivered"], of_first["read"]) == (2, 1)
    sides = {one["user"]: one for one in of_first["members"]}
    assert sides.keys() == {bob.id, eve.id}, "not the sender"
    got, read = [
        datetime.fromisoformat(sides[bob.id][f"{what}_at"]) for what in ("delivered", "read")
    ]
    assert start < got < read, "delivered by one mark, read by a later one"
    assert (sides[eve.id]["read"], sides[eve.id]["read_at"]) == (False, None)
    theirs = {one["user"]: one for one in of_second["members"]}
    assert datetime.fromisoformat(theirs[bob.id]["delivered_at"]) == read, "by reading it"


async def test_only_messages_that_one_sees_have_receipts(api: RunningApi) -> None:
    ada, bob, late = await api.people(3)
    room = await ada.group_with(bob)
    seq = (await ada.say(room))["seq"]
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    for caller, number in ((late, seq), (ada, 1), (ada, 99)):
        path = f"/v1/conversations/{room}/messages/{number}/receipts"
        assert (await caller.call("GET", path)).refusal[:2] == (404, "not_found")
    assert [one["user"] for one in (await receipts(ada, room, seq))["members"]] == [bob.id]


async def test_in_large_groups_they_are_counted(api: RunningApi) -> None:
    ada, *others = await api.people(RECEIPTS_MAX_MEMBERS + 1)
    room = await ada.group_with(*others)
    seq = (await ada.say(room))["seq"]
    await mark(others[0], room, read_seq=seq)
    assert await receipts(ada, room, seq) == {"delivered": 1, "read": 1, "members": None}
    kept = await api.database.fetch_all("SELECT 1 FROM mark_times")
    assert kept == [], "nobody asks for these times"


async def test_who_is_private_neither_tells_nor_is_told(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room, direct = await ada.group_with(bob, eve), await ada.direct_with(bob)
    cursor = (await ada.sync())["cursor"]
    answer = await bob.call("PUT", "/v1/me/receipts", {"private": True})
    assert (answer.status, await bob.get("/v1/me/receipts")) == (200, {"private": True})
    seqs = {one: (await ada.say(one))["seq"] for one in (room, direct)}
    for one, seq in seqs.items():
        await mark(bob, one, read_seq=seq)
    await mark(eve, room, read_seq=seqs[room])
    told = await receipts(ada, room, seqs[room])
    assert {one["user"]: (one["delivered"], one["read"]) for one in told["members"]} == {
        bob.id: (True, False), eve.id: (True, True),
    }  # fmt: skip
    assert told["read"] == 1
    back = (await bob.say(room))["seq"]
    await mark(eve, room, read_seq=back)
    assert (await receipts(bob, room, back))["read"] == 0
    assert (await receipts(ada, room, back))["read"] == 1
    reads = {
        viewer.id: {
            one["user"]["id"]: one["read_seq"] > 0
            for one in (await viewer.get(f"/v1/conversations/{room}/members"))["members"]
        }
        for viewer in (ada, bob)
    }
    assert reads[ada.id] == {ada.id: True, bob.id: False, eve.id: True}
    assert reads[bob.id] == {ada.id: False, bob.id: True, eve.id: False}
    synced = {one["id"]: one for one in (await ada.sync(cursor))["conversations"]}
    assert (synced[direct]["peer_read_seq"], synced[direct]["peer_delivered_seq"]) == (0, 2)
    assert (await bob.get(f"/v1/conversations/{direct}"))["peer_read_seq"] == 0

    async def signalled() -> bool:
        return len(await api.signals(room)) >= 4

    await wait_until(signalled)
    for signal in await api.signals(room):
        assert (signal.private, signal.blind) == (signal.user == bob.id, [bob.id])
    late = await api.person()
    await late.call("PUT", "/v1/me/receipts", {"private": True})
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    await mark(late, room, read_seq=back)
    assert (await receipts(ada, room, back))["read"] == 1, "came later, and is private"
    await bob.call("PUT", "/v1/me/receipts", {"private": False})
    assert (await ada.get(f"/v1/conversations/{direct}"))["peer_read_seq"] == 2


async def test_times_are_forgotten_after_a_while(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    seq = (await ada.say(room))["seq"]
    await mark(bob, room, read_seq=seq)
    store = ReadReceipts(api.database)
    assert await store.prune() == 0
    await api.database.execute(
        "UPDATE mark_times SET at = at - make_interval(secs => %s)", (MARK_TIMES_S + 60,)
    )
    assert await store.prune() == 2, "what was created was read, too"
    (side,) = (await receipts(ada, room, seq))["members"]
    assert (side["read"], side["read_at"]) == (True, None)
