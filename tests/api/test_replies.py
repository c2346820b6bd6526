"""Replies: what a message may answer."""

from __future__ import annotations

from typing import Any

import msgspec

from services.api.schemas import EventPage
from shared.ids import new_id
from shared.internal import SCOPE_GATEWAY, AppendReply, AppendRequest, NewMessage, NotAppended
from tests.api.rig import Answer, Caller, RunningApi


async def reply(caller: Caller, conversation: str, to: Any, key: str = "") -> Answer:
    body = {"client_msg_id": key or new_id(), "body": {"text": "yes", "reply_to": to}}
    return await caller.call("POST", f"/v1/conversations/{conversation}/messages", body)


async def test_a_reply_names_the_message_that_it_answers(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    first = (await ada.say(chat))["seq"]
    answer = await reply(bob, chat, first, "key")
    assert answer.status == 201
    page = await ada.get(f"/v1/conversations/{chat}/events")
    assert EventPage().validate(page) == {}
    assert page["events"][-1]["body"] == {"text": "yes", "reply_to": first}
    again = await reply(bob, chat, first, "key")
    assert (again.status, again.json["seq"]) == (200, answer.json["seq"])


async def test_only_a_message_of_the_conversation_can_be_answered(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    said = (await ada.say(chat))["seq"]
    for to in (1, said + 1, 10**15):  # seq 1 is the creation
        assert (await reply(bob, chat, to)).refusal == (422, "invalid", "body.reply_to")
    for to in (0, -1, "2", 1.5, None, True, 2**60):
        assert (await reply(bob, chat, to)).refusal == (422, "invalid", "body.reply_to")


async def test_what_was_said_before_one_came_cannot_be_answered(api: RunningApi) -> None:
    ada, bob, late, stranger = await api.people(4)
    group = await ada.group_with(bob)
    early = (await ada.say(group))["seq"]
    await ada.post(f"/v1/conversations/{group}/members", {"users": [late.id]})
    assert (await reply(late, group, early)).refusal == (422, "invalid", "body.reply_to")
    assert (await reply(bob, group, early)).status == 201
    assert (await reply(stranger, group, early)).refusal == (404, "not_found", "")


async def test_in_a_batch_a_wrong_reply_harms_only_itself(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    said = (await ada.say(chat))["seq"]
    messages = [
        NewMessage(chat, bob.id, new_id(), {"text": "one", "reply_to": said}),
        NewMessage(chat, bob.id, new_id(), {"text": "two", "reply_to": 99}),
        NewMessage(chat, bob.id, new_id(), {"text": "three"}),
    ]
    answer = await api.call(SCOPE_GATEWAY, "POST", "/internal/v1/messages", AppendRequest(messages))
    results = msgspec.json.decode(answer.body, type=AppendReply).results
    assert [isinstance(one, NotAppended) for one in results] == [False, True, False]
    assert isinstance(results[1], NotAppended)
    assert results[1].field == "body.reply_to"
    texts = [
        e["body"].get("text") for e in (await ada.get(f"/v1/conversations/{chat}/events"))["events"]
    ]
    assert texts[1:] == ["hello", "one", "three"]
