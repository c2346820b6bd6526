"""Delivered and read marks, and what is unread."""

from __future__ import annotations

import asyncio

import msgspec

from shared.entries import EventBatch, ReceiptSignal
from shared.ids import new_id
from shared.internal import (
    SCOPE_DISPATCHER,
    SCOPE_GATEWAY,
    NotAppended,
    ReceiptMark,
    ReceiptsReply,
    ReceiptsRequest,
)
from shared.limits import RECEIPTS_MAX_MEMBERS
from tests.api.rig import RunningApi
from tests.support.servers import wait_until


async def move(api: RunningApi, *marks: ReceiptMark) -> list[NotAppended | None]:
    answer = await api.call(
        SCOPE_GATEWAY, "POST", "/internal/v1/receipts", ReceiptsRequest(list(marks))
    )
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=ReceiptsReply).results


async def test_unread_counts_messages_and_nothing_else(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    await ada.say(room)
    await ada.call("PATCH", f"/v1/conversations/{room}", {"name": "Other"})
    await ada.say(room)
    path = f"/v1/conversations/{room}"
    assert (await bob.get(path))["unread"] == 2
    await bob.post(f"{path}/receipts", {"read_seq": 3})
    assert (await bob.get(path))["unread"] == 1
    await bob.post(f"{path}/receipts", {"read_seq": 4})
    assert (await bob.get(path))["unread"] == 0
    assert (await ada.get(path))["unread"] == 0  # own messages are read


async def test_marks_never_go_back_nor_beyond_the_head(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    for _ in range(3):
        await ada.say(room)
    assert await move(api, ReceiptMark(bob.id, room, delivered=4, read=3)) == [None]
    assert await move(api, ReceiptMark(bob.id, room, delivered=2, read=1)) == [None]
    view = await bob.get(f"/v1/conversations/{room}")
    assert (view["delivered_seq"], view["read_seq"], view["unread"]) == (4, 3, 1)
    (refused,) = await move(api, ReceiptMark(bob.id, room, read=5))
    assert refused is not None
    assert (refused.code, refused.field) == ("invalid", "seq")
    view = await bob.get(f"/v1/conversations/{room}")
    assert (view["delivered_seq"], view["read_seq"]) == (4, 3)


async def test_what_is_read_has_been_delivered(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await ada.say(room)
    await move(api, ReceiptMark(bob.id, room, read=2))
    assert (await bob.get(f"/v1/conversations/{room}"))["delivered_seq"] == 2


async def test_marks_of_others_than_members_are_refused_one_by_one(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.direct_with(bob)
    results = await move(
        api,
        ReceiptMark(eve.id, room, read=1),
        ReceiptMark(bob.id, room, read=1),
        ReceiptMark(bob.id, new_id(), read=1),
        ReceiptMark("x", "y", read=1),
    )
    assert [result and result.code for result in results] == [
        "not_found", None, "not_found", "not_found",
    ]  # fmt: skip


async def test_marks_that_moved_are_signalled_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await move(api, *(ReceiptMark(bob.id, room, delivered=1) for _ in range(3)))
    await move(api, ReceiptMark(bob.id, room, delivered=1, read=1))
    await move(api, ReceiptMark(bob.id, room, delivered=1, read=1))

    async def signalled() -> bool:
        return len(await api.signals(room)) == 2

    await wait_until(signalled)
    assert await api.signals(room) == [
        ReceiptSignal(room, bob.id, 1, 0), ReceiptSignal(room, bob.id, 1, 1),
    ]  # fmt: skip


async def test_large_conversations_keep_marks_to_themselves(api: RunningApi) -> None:
    ada, bob, *others = await api.people(RECEIPTS_MAX_MEMBERS + 1)
    large = await ada.group_with(bob, *others)
    small = await ada.group_with(bob, *others[:-1])
    await move(api, ReceiptMark(bob.id, large, read=1), ReceiptMark(bob.id, small, read=1))

    async def signalled() -> bool:
        return len(await api.signals(small)) == 1

    await wait_until(signalled)
    assert await api.signals(large) == []
    page = await ada.get(f"/v1/conversations/{large}/members", limit=200)
    assert {m["user"]["id"]: m["read_seq"] for m in page["members"]}[bob.id] == 1


async def test_crossing_receipts_do_not_deadlock(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    rooms = [await ada.group_with(bob) for _ in range(10)]
    for room in rooms:
        await ada.say(room)

    async def storm(order: list[str]) -> None:
        for seq in (1, 2) * 10:
            marks = [ReceiptMark(who.id, room, read=seq) for room in order for who in (bob, ada)]
            assert await move(api, *marks) == [None] * len(marks)

    async with asyncio.timeout(20):
        await asyncio.gather(storm(rooms), storm(rooms[::-1]))
    row = await api.database.fetch_one(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert row == (0,)


async def test_dispatchers_fetch_what_they_miss(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    for _ in range(4):
        await ada.say(room)
    path = f"/internal/v1/conversations/{room}/events?after_seq=1&limit=3"
    answer = await api.call(SCOPE_DISPATCHER, "GET", path)
    assert answer.headers["Content-Type"] == "application/msgpack"
    batch = msgspec.msgpack.decode(answer.body, type=EventBatch)
    assert [event.seq for event in batch.events] == [2, 3, 4]
    assert batch.events[0].pair == tuple(sorted((ada.id, bob.id)))
    stream = {event.seq: event.frame for event in await api.stream(room)}
    assert all(stream[event.seq] == event.frame for event in batch.events)
