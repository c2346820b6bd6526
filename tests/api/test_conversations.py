"""Conversations and their members: who may do what, who sees what."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from services.api.settings import ApiSettings
from shared.ids import new_id
from shared.internal import SCOPE_DISPATCHER, MembersReply
from shared.limits import GROUP_MAX_MEMBERS
from tests.api.rig import Caller, RunningApi, running_api
from tests.support.tokens import TestIssuer


async def events_of(caller: Caller, conversation: str) -> list[tuple[str, Any]]:
    page = await caller.get(f"/v1/conversations/{conversation}/events", after_seq=0)
    return [(event["kind"], event["body"]) for event in page["events"]]


async def inbox_of(caller: Caller) -> list[tuple[str, Any]]:
    page = await caller.get("/v1/conversations")
    inboxes = [one["id"] for one in page["conversations"] if one["kind"] == "inbox"]
    return await events_of(caller, inboxes[0]) if inboxes else []


async def test_a_pair_has_one_conversation_however_often_it_is_opened(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    body = {"kind": "direct", "user": bob.id}
    first = await ada.call("POST", "/v1/conversations", body)
    assert first.status == 201
    conversation = first.json
    assert conversation["peer"]["id"] == bob.id
    assert (conversation["head_seq"], conversation["member_count"]) == (1, 2)
    again = await bob.call("POST", "/v1/conversations", {"kind": "direct", "user": ada.id})
    assert (again.status, again.json["id"]) == (200, conversation["id"])
    assert again.json["peer"]["id"] == ada.id


async def test_both_of_a_pair_may_open_it_at_once(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as second:
        for _ in range(10):
            ada, bob = await api.people(2)
            there = Caller(second, bob.token, bob.id)
            opened = await asyncio.gather(
                *(one.direct_with(other) for one, other in [(ada, bob), (there, ada)] * 3)
            )
            assert len(set(opened)) == 1
            assert len(await events_of(ada, opened[0])) == 1
            assert [kind for kind, _ in await inbox_of(ada) + await inbox_of(bob)] == [
                "conversation_added"
            ]


async def test_a_direct_conversation_with_oneself_is_refused(api: RunningApi) -> None:
    ada = await api.person()
    answer = await ada.call("POST", "/v1/conversations", {"kind": "direct", "user": ada.id})
    assert answer.refusal == (422, "invalid", "user")


async def test_a_group_begins_with_its_members_and_word_to_them(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob, eve, bob, ada, name="Crew 🚢")
    view = await bob.get(f"/v1/conversations/{room}")
    assert (view["name"], view["role"], view["member_count"]) == ("Crew 🚢", "member", 3)
    assert (await ada.get(f"/v1/conversations/{room}"))["role"] == "owner"
    body = {"kind": "group", "name": "Crew 🚢", "members": [ada.id, bob.id, eve.id]}
    assert await events_of(eve, room) == [("conversation_created", body)]
    assert await inbox_of(bob) == [("conversation_added", {"conversation": room, "by": ada.id})]
    assert await inbox_of(ada) == []


async def test_a_group_is_created_once_for_an_idempotency_key(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    body = {"kind": "group", "name": "Crew", "members": [bob.id]}
    headers = {"Idempotency-Key": "one"}
    tries = await asyncio.gather(
        *(ada.call("POST", "/v1/conversations", body, headers=headers) for _ in range(5))
    )
    assert sorted(answer.status for answer in tries) == [200, 200, 200, 200, 201]
    assert len({answer.json["id"] for answer in tries}) == 1
    other = await bob.call(
        "POST", "/v1/conversations", {"kind": "group", "name": "Mine"}, headers=headers
    )
    assert other.status == 201
    bad = await ada.call("POST", "/v1/conversations", body, headers={"Idempotency-Key": "x" * 65})
    assert bad.refusal == (422, "invalid", "Idempotency-Key")


# Who does what to whom, and the status: 0 stands for any 2xx.
ROLES = [
    ("owner", "add", "", 0), ("admin", "add", "", 0), ("member", "add", "", 403),
    ("owner", "rename", "", 0), ("admin", "rename", "", 0), ("member", "rename", "", 403),
    ("owner", "remove", "admin", 0), ("owner", "remove", "member", 0),
    ("admin", "remove", "owner", 403), ("admin", "remove", "admin2", 403),
    ("admin", "remove", "member", 0),
    ("member", "remove", "owner", 403), ("member", "remove", "admin", 403),
    ("member", "remove", "member2", 403),
    ("owner", "promote", "member", 0), ("admin", "promote", "member", 403),
    ("member", "promote", "member2", 403), ("member", "promote", "member", 403),
    ("owner", "demote", "admin", 0), ("admin", "demote", "admin2", 403),
    ("owner", "demote", "owner", 409), ("admin", "demote", "admin", 403),
    ("owner", "hand over", "member", 0), ("admin", "hand over", "member", 403),
    ("member", "hand over", "member", 403), ("owner", "hand over", "stranger", 404),
    ("owner", "remove", "stranger", 404), ("owner", "promote", "stranger", 404),
    ("owner", "leave", "", 409), ("admin", "leave", "", 0), ("member", "leave", "", 0),
    ("stranger", "add", "", 404), ("stranger", "rename", "", 404),
    ("stranger", "remove", "member", 404), ("stranger", "promote", "member", 404),
    ("stranger", "hand over", "member", 404), ("stranger", "leave", "", 404),
]  # fmt: skip


async def act(caller: Caller, deed: str, room: str, target: Caller) -> int:
    base = f"/v1/conversations/{room}"
    calls: dict[str, tuple[str, str, Any]] = {
        "add": ("POST", f"{base}/members", {"users": [target.id]}),
        "rename": ("PATCH", base, {"name": "Other"}),
        "remove": ("DELETE", f"{base}/members/{target.id}", None),
        "promote": ("PATCH", f"{base}/members/{target.id}", {"role": "admin"}),
        "demote": ("PATCH", f"{base}/members/{target.id}", {"role": "member"}),
        "hand over": ("POST", f"{base}/owner", {"user": target.id}),
        "leave": ("POST", f"{base}/leave", None),
    }
    return (await caller.call(*calls[deed])).status


async def test_what_each_role_may_do(api: RunningApi) -> None:
    names = ["owner", "admin", "admin2", "member", "member2", "stranger"]
    people = dict(zip(names, await api.people(6), strict=True))
    for actor, deed, target, expected in ROLES:
        room = await people["owner"].group_with(*(people[name] for name in names[1:5]))
        for admin in ("admin", "admin2"):
            assert await act(people["owner"], "promote", room, people[admin]) == 204
        on = people[target] if target else await api.person()
        status = await act(people[actor], deed, room, on)
        good = status in (200, 204) if expected == 0 else status == expected
        assert good, (actor, deed, target, status)
        log = await events_of(people["owner"], room)
        assert len(log) == 3 + (0 if expected else 2 if deed == "hand over" else 1)


async def test_changes_of_groups_are_events_with_their_bodies(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    await ada.post(f"{base}/members", {"users": [eve.id, bob.id]})
    await ada.call("PATCH", base, {"name": "Other"})
    await ada.call("PATCH", base, {"name": "Other"})
    await ada.call("PATCH", f"{base}/members/{bob.id}", {"role": "admin"})
    await ada.call("PATCH", f"{base}/members/{bob.id}", {"role": "admin"})
    await ada.post(f"{base}/owner", {"user": bob.id})
    await bob.call("DELETE", f"{base}/members/{eve.id}")
    await ada.call("DELETE", f"{base}/members/{ada.id}")
    assert (await events_of(bob, room))[1:] == [
        ("members_added", {"users": [eve.id]}),
        ("conversation_renamed", {"name": "Other"}),
        ("role_changed", {"user": bob.id, "role": "admin"}),
        ("role_changed", {"user": bob.id, "role": "owner"}),
        ("role_changed", {"user": ada.id, "role": "admin"}),
        ("member_removed", {"user": eve.id}),
        ("member_left", {"user": ada.id}),
    ]
    assert [kind for kind, _ in await inbox_of(eve)] == [
        "conversation_added", "conversation_removed",
    ]  # fmt: skip
    assert (await bob.get(base))["member_count"] == 1
    assert (await bob.call("POST", f"{base}/leave")).status == 204
    assert (await bob.call("GET", base)).status == 404


async def test_changed_roles_are_audited(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    group = await ada.group_with(bob)
    base = f"/v1/conversations/{group}"
    await ada.call("PATCH", f"{base}/members/{bob.id}", {"role": "admin"})
    await ada.call("PATCH", f"{base}/members/{bob.id}", {"role": "admin"})  # is one already
    assert (await bob.call("PATCH", f"{base}/members/{ada.id}", {"role": "member"})).status == 403
    await ada.post(f"{base}/owner", {"user": bob.id})
    rows = await api.database.fetch_all(
        "SELECT user_id::text, request_id <> '', detail FROM audit"
        " WHERE what = 'conversation_role_changed' ORDER BY id"
    )
    assert rows == [
        (bob.id, True, f"admin of {group} by {ada.id}"),
        (bob.id, True, f"owner of {group} by {ada.id}"),
        (ada.id, True, f"admin of {group} by {ada.id}"),
    ]


async def test_groups_only_have_roles_names_and_goings(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    direct = await ada.direct_with(bob)
    for deed in ("add", "rename", "remove", "promote", "hand over", "leave"):
        assert await act(ada, deed, direct, eve if deed == "add" else bob) == 409, deed


async def test_a_former_member_and_a_stranger_see_nothing(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    await ada.say(room)
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    for outsider in (bob, eve):
        for conversation in (room, new_id(), "x"):
            base = f"/v1/conversations/{conversation}"
            body = {"client_msg_id": new_id(), "body": {"text": "hi"}}
            answers = [
                await outsider.call("GET", base),
                await outsider.call("GET", f"{base}/events"),
                await outsider.call("GET", f"{base}/members"),
                await outsider.call("POST", f"{base}/messages", body),
                await outsider.call("POST", f"{base}/receipts", {"read_seq": 1}),
                await outsider.call("PATCH", base, {"name": "Mine"}),
            ]
            assert [answer.refusal for answer in answers] == [(404, "not_found", "")] * 6
        assert room not in [
            one["id"] for one in (await outsider.get("/v1/conversations"))["conversations"]
        ]


async def test_a_new_member_sees_from_their_arrival_on_and_has_nothing_unread(
    api: RunningApi,
) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with()
    for n in range(3):
        await ada.say(room, f"secret {n}")
    await ada.post(f"/v1/conversations/{room}/members", {"users": [bob.id]})
    await ada.say(room, "welcome")
    view = await bob.get(f"/v1/conversations/{room}")
    assert (view["first_seq"], view["unread"], view["head_seq"]) == (5, 1, 6)
    for query in ({"after_seq": 0}, {"before_seq": 7}, {}):
        page = await bob.get(f"/v1/conversations/{room}/events", **query)
        assert [event["seq"] for event in page["events"]] == [5, 6]
        assert page["first_seq"] == 5


async def test_who_comes_back_sees_from_the_second_arrival_on(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    await ada.say(room, "behind his back")
    await ada.post(f"/v1/conversations/{room}/members", {"users": [bob.id]})
    view = await bob.get(f"/v1/conversations/{room}")
    assert (view["first_seq"], view["unread"], view["role"]) == (4, 0, "member")
    members = await ada.get(f"/v1/conversations/{room}/members")
    assert {one["user"]["id"] for one in members["members"]} == {ada.id, bob.id}


@pytest.mark.parametrize("size", [1, 7, 30, 200])
async def test_history_is_paged_by_seq_in_both_directions(api: RunningApi, size: int) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await asyncio.gather(*(ada.say(room, f"{n}") for n in range(29)))
    path, every = f"/v1/conversations/{room}/events", list(range(1, 31))
    forward, at = [], 0
    while page := (await bob.get(path, after_seq=at, limit=size))["events"]:
        assert len(page) <= size
        forward += [event["seq"] for event in page]
        at = forward[-1]
    assert forward == every
    page = (await bob.get(path, limit=size))["events"]
    backward = [event["seq"] for event in page]
    while backward[0] > 1:
        page = (await bob.get(path, before_seq=backward[0], limit=size))["events"]
        backward = [event["seq"] for event in page] + backward
    assert backward == every


async def test_lists_are_paged_by_id(api: RunningApi) -> None:
    ada, *others = await api.people(8)
    rooms = {await ada.direct_with(other) for other in others}
    crowd = await ada.group_with(*others)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = await ada.get("/v1/conversations", **query)
        seen += [one["id"] for one in page["conversations"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert seen == sorted(rooms | {crowd})
    members: list[str] = []
    query = {"limit": 3}
    while True:
        page = await ada.get(f"/v1/conversations/{crowd}/members", **query)
        members += [one["user"]["id"] for one in page["members"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert members == sorted([ada.id, *(other.id for other in others)])


async def test_dispatchers_learn_who_is_entitled_to_which_events(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    await ada.say(room)
    await ada.post(f"/v1/conversations/{room}/members", {"users": [eve.id]})
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")

    async def members(from_seq: int) -> tuple[int, dict[str, tuple[int, int | None]]]:
        answer = await api.call(
            SCOPE_DISPATCHER,
            "GET", f"/internal/v1/conversations/{room}/members?from_seq={from_seq}",
        )  # fmt: skip
        reply = msgspec.json.decode(answer.body, type=MembersReply)
        return reply.as_of_seq, {m.user: (m.first_seq, m.left_seq) for m in reply.members}

    present = {ada.id: (1, None), eve.id: (3, None)}
    assert await members(1) == (4, present | {bob.id: (1, 4)})
    assert await members(4) == (4, present | {bob.id: (1, 4)})
    assert await members(5) == (4, present)
    answer = await api.call(
        SCOPE_DISPATCHER, "GET", f"/internal/v1/conversations/{new_id()}/members"
    )
    assert answer.refusal[0] == 404


async def test_a_group_is_bounded(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with()
    await api.database.execute(
        "UPDATE conversations SET member_count = %s WHERE id = %s", (GROUP_MAX_MEMBERS - 1, room)
    )
    path = f"/v1/conversations/{room}/members"
    answer = await ada.call("POST", path, {"users": [bob.id, eve.id]})
    assert answer.refusal[:2] == (409, "conflict")
    await ada.post(path, {"users": [bob.id]})


async def test_disabled_people_keep_their_name_but_cannot_be_met_anew(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.direct_with(bob)
    for one in (bob, eve):
        await api.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (one.id,))
    assert (await ada.get(f"/v1/conversations/{room}"))["peer"]["id"] == bob.id
    answer = await ada.call("POST", "/v1/conversations", {"kind": "direct", "user": eve.id})
    assert answer.refusal == (422, "invalid", "user")
