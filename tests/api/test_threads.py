"""Threads with counts of their own, and messages said again elsewhere."""

from __future__ import annotations

from typing import Any

from marshmallow import RAISE

from services.api import schemas
from shared.ids import new_id
from tests.api.rig import Answer, Caller, RunningApi
from tests.api.test_conversations import inbox_of


async def reply(caller: Caller, room: str, root: int, text: str = "aside") -> Answer:
    body = {"client_msg_id": new_id(), "body": {"text": text, "thread": root}}
    return await caller.call("POST", f"/v1/conversations/{room}/messages", body)


async def thread_of(caller: Caller, room: str, root: int) -> dict[str, Any]:
    """The thread in the caller's list; empty if they do not follow it."""
    threads = (await caller.get("/v1/threads"))["threads"]
    found = [one for one in threads if (one["conversation"], one["thread"]) == (room, root)]
    return found[0] if found else {}


async def test_replies_stand_in_the_log_and_count_in_their_thread(api: RunningApi) -> None:
    ada, bob, eve = [await api.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.group_with(bob, eve)
    base = f"/v1/conversations/{room}"
    root = (await ada.say(room, "a question"))["seq"]
    cursor = (await ada.sync())["cursor"]
    first = (await reply(bob, room, root, "an answer")).json
    assert (first["seq"], first["number"]) == (root + 1, 1), "no new message of the main line"
    second = (await reply(bob, room, root, "another, @eve")).json["seq"]
    assert [(await person.get(base))["unread"] for person in (ada, bob, eve)] == [0, 1, 1]
    assert (await thread_of(ada, room, root))["unread"] == 2, "who asked follows"
    assert (await thread_of(bob, room, root))["unread"] == 0, "who answers follows"
    assert (await thread_of(eve, room, root))["unread"] == 1, "who is mentioned follows"
    synced = {one["id"]: one for one in (await ada.sync(cursor))["conversations"]}
    assert synced[room]["threads_unread"] == 1
    page = await eve.get(f"{base}/messages/{root}/thread")
    assert schemas.MessagePage(unknown=RAISE).validate(page) == {}
    assert [(one["seq"], one["thread"]) for one in page["messages"]] == [
        (first["seq"], root), (second, root),
    ]  # fmt: skip
    newest = await eve.get(f"{base}/messages/{root}/thread", limit=1)
    assert ([one["seq"] for one in newest["messages"]], newest["next"]) == ([second], second)
    (shown,) = [one for one in (await eve.get(f"{base}/messages"))["messages"] if one["replies"]]
    assert (shown["seq"], shown["replies"], shown["last_reply"]) == (root, 2, second)


async def test_reading_and_following_a_thread(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob, eve)
    root = (await ada.say(room))["seq"]
    path = f"/v1/conversations/{room}/messages/{root}/thread"
    seqs = [(await reply(bob, room, root)).json["seq"] for _ in range(3)]
    cursor = (await ada.sync())["cursor"]
    read = await ada.call("PATCH", path, {"read_seq": seqs[1]})
    assert schemas.Thread(unknown=RAISE).validate(read.json) == {}
    assert (read.json["unread"], read.json["read_seq"]) == (1, seqs[1])
    body = {"conversation": room, "thread": root, "following": True, "read_seq": seqs[1]}
    assert (await inbox_of(ada))[-1] == ("thread_changed", body), "for other devices"
    assert (await ada.call("PATCH", path, {"read_seq": seqs[0]})).json["unread"] == 1, "never back"
    assert (await ada.call("PATCH", path, {"read_seq": 99})).refusal[2] == "read_seq"
    await ada.call("PATCH", path, {"read_seq": seqs[2]})
    synced = {one["id"]: one for one in (await ada.sync(cursor))["conversations"]}
    assert synced[room]["threads_unread"] == 0
    assert (await ada.get("/v1/threads", unread="true"))["threads"] == []
    await reply(ada, room, root)
    assert (await thread_of(ada, room, root))["unread"] == 0, "what one writes, one has read"
    await ada.call("PATCH", path, {"following": False})
    await reply(bob, room, root, "more")
    assert await thread_of(ada, room, root) == {}
    assert (await ada.get(f"/v1/conversations/{room}"))["threads_unread"] == 0
    followed = (await eve.call("PATCH", path, {"following": True})).json
    assert (followed["following"], followed["unread"]) == (True, 0), "from now on"
    await reply(bob, room, root, "even more")
    assert (await thread_of(eve, room, root))["unread"] == 1


async def test_threads_begin_with_messages_of_the_main_line(api: RunningApi) -> None:
    ada, bob, late, stranger = await api.people(4)
    room = await ada.group_with(bob)
    root = (await ada.say(room))["seq"]
    aside = (await reply(bob, room, root)).json["seq"]
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    for person, seq in ((bob, aside), (bob, 1), (bob, 99), (late, root)):
        assert (await reply(person, room, seq)).refusal == (422, "invalid", "body.thread")
    path = f"/v1/conversations/{room}/messages/{root}/thread"
    for person in (late, stranger):
        assert (await person.call("GET", path)).refusal[0] == 404
        assert (await person.call("PATCH", path, {"following": True})).refusal[0] == 404
    nested = f"/v1/conversations/{room}/messages/{aside}/thread"
    assert (await bob.call("GET", nested)).refusal[0] == 404


async def test_who_has_left_does_not_learn_what_is_a_message(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    root = (await ada.say(room))["seq"]
    await bob.post(f"/v1/conversations/{room}/leave")
    later = (await ada.say(room))["seq"]
    for seq in (1, root, later, later + 1):
        assert (await reply(bob, room, seq)).refusal[:2] == (404, "not_found")


async def test_a_recalled_reply_is_known_as_one(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    root = (await ada.say(room))["seq"]
    aside = (await reply(bob, room, root)).json["seq"]
    await bob.call("DELETE", f"/v1/conversations/{room}/messages/{aside}")
    (shown,) = (await ada.get(f"/v1/conversations/{room}/messages/{root}/thread"))["messages"]
    assert (shown["thread"], shown["recalled"], shown["text"]) == (root, True, "")


async def test_a_reply_is_stored_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    root = (await ada.say(room))["seq"]
    body = {"client_msg_id": "once", "body": {"text": "aside", "thread": root}}
    path = f"/v1/conversations/{room}/messages"
    answers = [await bob.call("POST", path, body) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 200, 200]
    assert (await thread_of(ada, room, root))["replies"] == 1


async def test_who_leaves_follows_no_more(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    root = (await bob.say(room))["seq"]
    await reply(bob, room, root)
    await bob.post(f"/v1/conversations/{room}/leave")
    assert (await bob.get("/v1/threads"))["threads"] == []
    await reply(ada, room, root)
    assert (await bob.get("/v1/threads"))["threads"] == []


async def test_followed_threads_come_in_pages(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    rooms = sorted([await ada.group_with(bob) for _ in range(2)])
    for room in rooms:
        for _ in range(3):
            await reply(bob, room, (await ada.say(room))["seq"])
    found, query = [], {"limit": "4"}
    while True:
        page = await ada.get("/v1/threads", **query)
        assert schemas.ThreadPage(unknown=RAISE).validate(page) == {}
        found += [(one["conversation"], one["thread"]) for one in page["threads"]]
        if page["next"] is None:
            break
        query |= {name: str(value) for name, value in page["next"].items()}
    assert found == [(room, seq) for room in rooms for seq in (2, 4, 6)]


async def test_forwarding_tells_who_said_it_first(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    source, target = await ada.group_with(bob), await ada.group_with(eve)
    seqs = [(await bob.say(source, text))["seq"] for text in ("one", f"@{ada.id} two")]
    await bob.call("PATCH", f"/v1/conversations/{source}/messages/{seqs[0]}", {"text": "ONE"})
    messages = [{"seq": seq, "client_msg_id": new_id()} for seq in seqs]
    path = f"/v1/conversations/{target}/forward"
    answer = await ada.call("POST", path, {"source": source, "messages": messages})
    assert answer.status == 201, answer.body
    assert schemas.ForwardedPage(unknown=RAISE).validate(answer.json) == {}
    again = await ada.call("POST", path, {"source": source, "messages": messages})
    assert [one["repeat"] for one in again.json["messages"]] == [True, True]
    shown = (await eve.get(f"/v1/conversations/{target}/messages"))["messages"]
    assert [one["text"] for one in shown] == ["ONE", f"@{ada.id} two"]
    origin = shown[0]["forwarded"]
    assert (origin["sender"], origin["seq"], origin["conversation"]) == (bob.id, seqs[0], source)
    third = await eve.group_with()
    once_more = {"source": target, "messages": [{"seq": shown[0]["seq"], "client_msg_id": "f"}]}
    await eve.call("POST", f"/v1/conversations/{third}/forward", once_more)
    (copy,) = (await eve.get(f"/v1/conversations/{third}/messages"))["messages"]
    assert copy["forwarded"] == origin, "the first origin stays"


async def test_only_what_one_sees_can_be_forwarded_where_one_writes(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    source, target = await ada.group_with(bob), await bob.group_with(ada)
    seq = (await ada.say(source))["seq"]
    gone = (await ada.say(source))["seq"]
    await ada.call("DELETE", f"/v1/conversations/{source}/messages/{gone}")

    async def forward(caller: Caller, seq: int, to: str = target) -> Answer:
        body = {"source": source, "messages": [{"seq": seq, "client_msg_id": new_id()}]}
        return await caller.call("POST", f"/v1/conversations/{to}/forward", body)

    assert (await forward(eve, seq)).refusal[:2] == (404, "not_found")
    assert (await forward(bob, gone)).refusal[:2] == (404, "not_found")
    assert (await forward(bob, 1)).refusal[:2] == (404, "not_found")
    assert (await forward(bob, seq, await eve.group_with())).refusal[:2] == (404, "not_found")
    silence = {"until": "2100-01-01T00:00:00Z"}
    await bob.call("PUT", f"/v1/conversations/{target}/members/{ada.id}/silence", silence)
    assert (await forward(ada, seq)).refusal[:2] == (403, "forbidden")
