"""Sync: every change is told, however late its transaction commits."""

from __future__ import annotations

import msgspec
import pytest

from services.api.domain.cursor import BadCursor, Cursor
from services.api.store.sync import Sync
from shared.ids import new_id
from shared.internal import SCOPE_GATEWAY, HeadsReply, HeadsRequest
from tests.api.rig import Caller, RunningApi


async def test_the_first_sync_is_full_and_the_next_ones_tell_what_changed(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    rooms = sorted([await ada.group_with(bob) for _ in range(3)])
    first = await bob.sync()
    assert (first["full"], first["more"]) == (True, False)
    groups = [one["id"] for one in first["conversations"] if one["kind"] == "group"]
    assert groups == rooms
    assert all(one["state"] == "member" for one in first["conversations"])

    await ada.say(rooms[1])
    second = await bob.sync(first["cursor"])
    assert second["full"] is False
    changed = {one["id"]: one for one in second["conversations"]}
    assert changed[rooms[1]]["unread"] == 1
    assert changed[rooms[1]]["head_seq"] == 2

    third = await bob.sync(second["cursor"])
    assert third["conversations"] == []


async def test_a_change_that_commits_late_is_told_by_the_next_sync(api: RunningApi) -> None:
    """A transaction takes its place, another commits after it and is synced, then it commits."""
    ada, bob = await api.people(2)
    early, late = sorted([await ada.group_with(bob) for _ in range(2)])
    cursor = (await bob.sync())["cursor"]
    async with api.database.transaction() as slow:
        await slow.execute(
            "UPDATE conversations SET head_seq = head_seq + 1, number = number + 1,"
            " updated_xid = pg_current_xact_id() WHERE id = %s",
            (late,),
        )
        await ada.say(early)
        page = await bob.sync(cursor)
        assert [one["id"] for one in page["conversations"]] == [early]
        cursor = page["cursor"]
        await ada.say(early)
        page = await bob.sync(cursor)
        assert early in [one["id"] for one in page["conversations"]]
        cursor = page["cursor"]
    page = await bob.sync(cursor)
    assert late in [one["id"] for one in page["conversations"]]
    assert {one["id"]: one["unread"] for one in page["conversations"]}[late] == 1
    assert (await bob.sync(page["cursor"]))["conversations"] == []


async def test_pages_cover_everything_also_what_changes_between_them(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    rooms = sorted([await ada.group_with(bob) for _ in range(7)])
    page = await bob.sync(limit=3)
    seen = [one["id"] for one in page["conversations"]]
    assert (page["more"], page["full"]) == (True, True)
    await ada.say(rooms[0])  # behind the page that was read
    while page["more"]:
        page = await bob.sync(page["cursor"], limit=3)
        assert page["full"] is True
        seen += [one["id"] for one in page["conversations"]]
    assert len(seen) == len(set(seen)) == 8  # and the inbox
    assert set(rooms) < set(seen)
    behind = await bob.sync(page["cursor"], limit=3)
    ids = [one["id"] for one in behind["conversations"]]
    while behind["more"]:
        behind = await bob.sync(behind["cursor"], limit=3)
        ids += [one["id"] for one in behind["conversations"]]
    assert rooms[0] in ids
    assert behind["full"] is False


async def test_a_conversation_that_one_was_removed_from_is_a_tombstone(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    cursor = (await bob.sync())["cursor"]
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    page = await bob.sync(cursor)
    assert {"id": room, "state": "left"} in page["conversations"]
    await ada.say(room)
    after = await bob.sync(page["cursor"])
    assert room not in [one["id"] for one in after["conversations"]]
    assert room not in [one["id"] for one in (await bob.sync())["conversations"]]


async def test_read_marks_reach_the_other_devices_and_the_peer(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await ada.say(room)
    cursor_ada = (await ada.sync())["cursor"]
    cursor_bob = (await bob.sync())["cursor"]
    await bob.post(f"/v1/conversations/{room}/receipts", {"read_seq": 2})
    (own,) = (await bob.sync(cursor_bob))["conversations"]
    assert (own["id"], own["read_seq"], own["unread"]) == (room, 2, 0)
    (seen,) = (await ada.sync(cursor_ada))["conversations"]
    assert (seen["id"], seen["peer_read_seq"], seen["peer_delivered_seq"]) == (room, 2, 2)


async def test_a_cursor_of_another_database_gets_everything_again(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    cursor = Cursor.parse((await bob.sync())["cursor"])
    for stale in (
        Cursor("somewhere.else", cursor.since),
        Cursor("somewhere.else", 5, 7, "ffffffff-ffff-7fff-bfff-ffffffffffff"),
        Cursor(cursor.database, cursor.since + 1_000_000),  # restored from before it was made
    ):
        page = await bob.sync(stale.text())
        assert page["full"] is True
        assert room in [one["id"] for one in page["conversations"]]
        following = Cursor.parse(page["cursor"])
        assert following.database == cursor.database
        assert cursor.since <= following.since < cursor.since + 1000


@pytest.mark.parametrize("text", ["x", "e30", "WyJhIiwtMV0", "WyJhIiwiYiJd", "é", "A" * 299])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)


def test_a_cursor_survives_its_text() -> None:
    cursor = Cursor("7.1.16400", 123, 456, new_id())
    assert Cursor.parse(cursor.text()) == cursor
    assert Cursor.parse("") == Cursor()


async def heads(api: RunningApi, cursor: str, *people: Caller) -> HeadsReply:
    request = HeadsRequest([one.id for one in people], cursor)
    answer = await api.call(SCOPE_GATEWAY, "POST", "/internal/v1/heads", request)
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=HeadsReply)


async def test_heads_tell_gateways_what_moved(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room, other = await ada.group_with(bob), await ada.direct_with(eve)
    start = await heads(api, "", ada, bob, eve)
    assert start.heads == {}
    await ada.say(room)
    moved = await heads(api, start.cursor, ada, bob, eve)
    assert {user: dict(those).get(room) for user, those in moved.heads.items()} == {
        ada.id: 2, bob.id: 2,
    }  # fmt: skip
    assert (await heads(api, moved.cursor, ada, bob, eve)).heads == {}
    everything = await heads(api, Cursor("somewhere.else", 1).text(), ada)
    assert dict(everything.heads[ada.id])[other] == 1
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    assert room not in dict((await heads(api, moved.cursor, bob)).heads.get(bob.id, []))


async def test_the_cursor_stands_before_the_oldest_running_transaction(api: RunningApi) -> None:
    sync = Sync(api.database)
    async with api.database.transaction() as transaction:
        row = await transaction.fetch_one("SELECT pg_current_xact_id()::text")
        assert row is not None
        cursor, _ = await sync.heads([], None)
        assert cursor.since <= int(row[0])
