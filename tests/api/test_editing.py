"""Editing and recalling messages: who may, what others see, and what is gone for good."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import RAISE

from services.api import schemas
from shared.limits import MESSAGE_VERSIONS_MAX
from tests.api.rig import Answer, Caller, RunningApi


async def edit(caller: Caller, room: str, seq: int, text: str, match: str = "") -> Answer:
    headers = {"If-Match": match} if match else {}
    path = f"/v1/conversations/{room}/messages/{seq}"
    return await caller.call("PATCH", path, {"text": text}, headers=headers)


async def recall(caller: Caller, room: str, seq: int) -> Answer:
    return await caller.call("DELETE", f"/v1/conversations/{room}/messages/{seq}")


async def log(caller: Caller, room: str) -> list[dict[str, Any]]:
    page = await caller.get(f"/v1/conversations/{room}/events")
    return list(page["events"])


async def versions(caller: Caller, room: str, seq: int) -> list[str]:
    answer = await caller.get(f"/v1/conversations/{room}/messages/{seq}/versions")
    assert schemas.MessageVersions(unknown=RAISE).validate(answer) == {}
    return [one["text"] for one in answer["versions"]]


async def test_an_edit_is_an_event_and_all_texts_are_kept(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat, "frist"))["seq"]
    answer = await edit(ada, chat, seq, "first")
    assert (answer.status, answer.headers["Etag"]) == (200, '"2"')
    assert schemas.MessageVersion(unknown=RAISE).validate(answer.json) == {}
    last = (await log(bob, chat))[-1]
    assert (last["kind"], last["number"]) == ("message_edited", 1)
    assert last["body"] == {"seq": seq, "version": 2, "text": "first"}
    assert (await api.stream(chat))[-1].seq == last["seq"]
    assert await versions(bob, chat, seq) == ["frist", "first"]
    assert (await bob.get(f"/v1/conversations/{chat}"))["unread"] == 1


async def test_two_devices_cannot_overwrite_each_other(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat, "one"))["seq"]
    assert (await edit(ada, chat, seq, "two", '"1"')).status == 200
    assert (await edit(ada, chat, seq, "three", '"1"')).refusal == (412, "stale", "")
    again = await edit(ada, chat, seq, "two", '"1"')  # a retry whose answer got lost
    assert (again.status, again.json["version"]) == (200, 2)
    assert (await edit(ada, chat, seq, "three", "what")).refusal == (422, "invalid", "If-Match")
    assert (await edit(ada, chat, seq, "three", "*")).status == 200
    assert [e["kind"] for e in await log(ada, chat)].count("message_edited") == 2


# Who, whether they may edit ada's message, and whether they may recall it.
TABLE = [
    ("nobody", 401, 401), ("stranger", 404, 404), ("former", 404, 404), ("late", 404, 404),
    ("member", 403, 403), ("admin", 403, 204), ("owner", 403, 204), ("ada", 200, 204),
]  # fmt: skip


async def test_who_may_edit_and_recall(api: RunningApi) -> None:
    names = ["owner", "admin", "member", "ada", "former", "late", "stranger"]
    people = dict(zip(names, await api.people(7), strict=True)) | {"nobody": api.nobody()}
    for name, may_edit, may_recall in TABLE:
        room = await people["owner"].group_with(*(people[one] for one in names[1:5]))
        base = f"/v1/conversations/{room}/members"
        await people["owner"].call("PATCH", f"{base}/{people['admin'].id}", {"role": "admin"})
        seq = (await people["ada"].say(room))["seq"]
        await people["owner"].call("DELETE", f"{base}/{people['former'].id}")
        if name == "late":  # as a rule the group has nobody who came later
            await people["owner"].post(base, {"users": [people["late"].id]})
        assert (await edit(people[name], room, seq, "other")).status == may_edit, name
        assert (await recall(people[name], room, seq)).status == may_recall, name
        path = f"/v1/conversations/{room}/messages/{seq}/versions"
        seen = {"nobody": 401, "stranger": 404, "former": 404, "late": 404}.get(name, 200)
        assert (await people[name].call("GET", path)).status == seen, name


async def test_a_recall_takes_the_text_from_history_for_good(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat, "secret one"))["seq"]
    await edit(ada, chat, seq, "secret two")
    assert (await recall(ada, chat, seq)).status == 204
    assert (await recall(ada, chat, seq)).status == 204  # again: nothing happens
    events = await log(bob, chat)
    assert [e["kind"] for e in events[1:]] == ["message", "message_edited", "message_recalled"]
    assert [e["body"] for e in events[1:]] == [
        {"text": "", "recalled": True}, {"seq": seq, "version": 2}, {"seq": seq},
    ]  # fmt: skip
    assert await versions(bob, chat, seq) == []
    left = await api.database.fetch_all(
        "SELECT body FROM events WHERE body LIKE '%%secret%%'"
        " UNION ALL SELECT text FROM message_versions"
    )
    assert left == []
    assert (await edit(ada, chat, seq, "three")).refusal == (409, "conflict", "")


async def test_ones_own_message_can_be_recalled_for_a_day(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    await api.database.execute(
        "UPDATE events SET created_at = created_at - interval '25 hours'"
        " WHERE conversation_id = %s", (chat,),
    )  # fmt: skip
    assert (await recall(ada, chat, seq)).refusal == (403, "forbidden", "")


async def test_who_came_later_does_not_learn_an_old_text_from_its_edit(api: RunningApi) -> None:
    ada, bob, late = await api.people(3)
    room = await ada.group_with(bob)
    seq = (await ada.say(room, "before you came"))["seq"]
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    assert (await edit(ada, room, seq, "still before")).status == 200
    assert (await log(late, room))[-1]["body"] == {"seq": seq, "version": 2}
    assert b"still before" not in (await api.stream(room))[-1].frame
    assert await versions(bob, room, seq) == ["before you came", "still before"]


@pytest.mark.parametrize("seq", ["1", "99", "x", "9" * 30, "-1"])
async def test_what_is_no_message_cannot_be_edited(api: RunningApi, seq: str) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    path = f"/v1/conversations/{chat}/messages/{seq}"
    assert (await ada.call("PATCH", path, {"text": "x"})).refusal == (404, "not_found", "")
    assert (await ada.call("DELETE", path)).refusal == (404, "not_found", "")


async def test_bad_texts_and_too_many_edits_are_refused(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    for text in ("", "  ", "x" * 8001, "a\0", "\u200b"):
        assert (await edit(ada, chat, seq, text)).refusal == (422, "invalid", "text")
    await api.database.execute(
        "INSERT INTO message_versions VALUES (%s, %s, %s, 2, 'x', now())",
        (chat, seq, MESSAGE_VERSIONS_MAX),
    )
    assert (await edit(ada, chat, seq, "y")).refusal == (409, "conflict", "")
