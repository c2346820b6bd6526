"""Who is mentioned: found in the text, told to all, counted for each."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.domain.mentions import candidates
from shared.limits import COUNTED_MAX, MENTIONS_MAX
from tests.api.rig import Caller, RunningApi
from tests.api.test_groups import say


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("@mei", ["mei"]),
        ("hi @Mei, @bob.", ["mei", "bob."]),
        ("(@mei)", ["mei"]),
        ("mail mei@example.org", []),
        ("@@mei", []),
        ("`@mei` and ``a`@mei``", []),
        ("```\n@mei\n```\n@bob", ["bob"]),
        ("```\n@mei", []),
        ("~~~\n@mei\n~~~\n@bob", ["bob"]),
        ("a ` lonely tick @mei", ["mei"]),
        ("@小明你好", ["小明你好"]),
        ("@ mei", []),
        ("@m", []),
        ("no one", []),
    ],
)
def test_where_handles_begin(text: str, longest: list[str]) -> None:
    assert [handles[0] for handles in candidates(text)] == longest


@pytest.mark.parametrize(
    ("text", "handle", "is_meant"),
    [
        ("@mei.", "mei", True), ("@mei-", "mei", True), ("@mei.b", "mei", True),
        ("@meihello", "mei", False), ("@mei你好", "mei", True), ("@小明你好", "小明", True),
        ("@andré", "andr", False), ("@ANDRÉ", "andré", True), ("@mei_b", "mei_b", True),
    ],
)  # fmt: skip
def test_where_handles_end(text: str, handle: str, is_meant: bool) -> None:
    assert (handle in candidates(text)[0]) is is_meant


async def body_of(caller: Caller, room: str, seq: int) -> Any:
    page = await caller.get(f"/v1/conversations/{room}/events", after_seq=seq - 1, limit=1)
    return page["events"][0]["body"]


async def count(caller: Caller, room: str) -> int:
    found: int = (await caller.get(f"/v1/conversations/{room}"))["mentions"]
    return found


async def test_members_are_mentioned_and_others_are_not(api: RunningApi) -> None:
    ada, bob = await api.person("ada"), await api.person("bob")
    await api.person("eve")
    room = await ada.group_with(bob)
    seq = (await ada.say(room, "@Bob, @bob and @eve: look. `@ada`"))["seq"]
    body = await body_of(bob, room, seq)
    assert body["mentions"] == [bob.id]
    assert "mention_all" not in body
    assert (await count(bob, room), await count(ada, room)) == (1, 0)
    assert "mentions" not in await body_of(bob, room, (await ada.say(room, "@eve"))["seq"])
    await bob.post(f"/v1/conversations/{room}/receipts", {"read_seq": seq})
    assert await count(bob, room) == 0


async def test_counts_follow_edits_recalls_and_marks(api: RunningApi) -> None:
    ada, bob = await api.person("ada"), await api.person("bob")
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    cursor = (await bob.sync())["cursor"]
    first, second = [(await ada.say(room, text))["seq"] for text in ("@bob", "nobody")]
    await ada.call("PATCH", f"{base}/messages/{second}", {"text": "@bob after all"})
    edited = (await bob.get(f"{base}/events", after_seq=second))["events"][0]["body"]
    assert edited["mentions"] == [bob.id]
    synced = {one["id"]: one for one in (await bob.sync(cursor))["conversations"]}
    assert synced[room]["mentions"] == await count(bob, room) == 2
    messages = (await bob.get(f"{base}/messages"))["messages"]
    assert [one["mentions"] for one in messages] == [[bob.id], [bob.id]]
    await ada.call("PATCH", f"{base}/messages/{second}", {"text": "nobody again"})
    assert await count(bob, room) == 1
    await ada.call("DELETE", f"{base}/messages/{first}")
    assert await count(bob, room) == 0
    assert (await body_of(bob, room, first)) == {"text": "", "recalled": True}
    await ada.say(room, "@bob")
    await ada.call("DELETE", f"{base}/members/{bob.id}")
    await ada.post(f"{base}/members", {"users": [bob.id]})
    assert await count(bob, room) == 0, "what was before they came back is not for them"


async def test_everybody_is_mentioned_by_those_who_may(api: RunningApi) -> None:
    ada, bob, eve = [await api.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.group_with(bob, eve)
    seq = (await ada.say(room, "@all and @bob"))["seq"]
    body = await body_of(bob, room, seq)
    assert (body["mention_all"], body["mentions"]) == (True, [bob.id])
    assert [await count(one, room) for one in (ada, bob, eve)] == [0, 1, 1], "each message once"
    seq = (await bob.say(room, "@all"))["seq"]
    assert "mention_all" not in await body_of(bob, room, seq)
    assert await count(eve, room) == 1
    direct = await ada.direct_with(bob)
    await ada.say(direct, "@all @bob")
    assert (await bob.get(f"/v1/conversations/{direct}"))["mentions"] == 1


async def test_mentions_are_bounded(api: RunningApi) -> None:
    ada = await api.person("ada")
    others = [await api.person(f"p{number:03}") for number in range(MENTIONS_MAX + 1)]
    room = await ada.group_with(*others)
    names = [f"@p{number:03}" for number in range(MENTIONS_MAX + 1)]
    answer = await say(ada, room, " ".join(names))
    assert answer.refusal == (422, "invalid", "body.text")
    seq = (await ada.say(room, " ".join(names[1:])))["seq"]
    assert len((await body_of(ada, room, seq))["mentions"]) == MENTIONS_MAX
    refused = await ada.call(
        "PATCH", f"/v1/conversations/{room}/messages/{seq}", {"text": " ".join(names)}
    )
    assert refused.refusal == (422, "invalid", "text")
    await api.database.execute(
        "INSERT INTO mentions SELECT %s, %s, s, %s FROM generate_series(1000, 1200) s",
        (room, others[1].id, ada.id),
    )
    assert await count(others[1], room) == COUNTED_MAX
