"""Sending: in order, once, for members only."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from services.api.settings import ApiSettings
from shared.frames import Event
from shared.ids import new_id
from shared.internal import (
    SCOPE_GATEWAY,
    Appended,
    AppendReply,
    AppendRequest,
    NewMessage,
    NotAppended,
)
from tests.api.rig import Caller, RunningApi, running_api
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer


async def append(api: RunningApi, *messages: NewMessage) -> list[Appended | NotAppended]:
    answer = await api.call(
        SCOPE_GATEWAY, "POST", "/internal/v1/messages", AppendRequest(list(messages))
    )
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=AppendReply).results


def message(sender: Caller, conversation: str, key: str = "", text: str = "hi") -> NewMessage:
    return NewMessage(conversation, sender.id, key or new_id(), {"text": text}, origin="c1")


async def seqs_of(api: RunningApi, conversation: str) -> list[int]:
    rows = await api.database.fetch_all(
        "SELECT seq FROM events WHERE conversation_id = %s ORDER BY seq", (conversation,)
    )
    return [row[0] for row in rows]


async def test_a_message_becomes_an_event_of_the_log_and_of_the_stream(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    (result,) = await append(api, message(ada, conversation, "k1", "Grüße 👋 \\ \" ' % {}"))
    assert isinstance(result, Appended)
    assert (result.seq, result.number, result.repeat) == (2, 1, False)

    async def arrived() -> bool:
        return len(await api.stream(conversation)) == 2

    await wait_until(arrived)
    routed = (await api.stream(conversation))[1]
    frame = msgspec.json.decode(routed.frame, type=Event)
    assert frame.time == result.time
    assert (frame.seq, frame.sender, frame.client_msg_id) == (2, ada.id, "k1")
    assert msgspec.json.decode(frame.body) == {"text": "Grüße 👋 \\ \" ' % {}"}
    assert routed.origin == "c1"
    assert routed.pair == tuple(sorted((ada.id, bob.id)))
    page = await bob.get(f"/v1/conversations/{conversation}/events", after_seq=1)
    (event,) = page["events"]
    assert event == {k: v for k, v in msgspec.json.decode(routed.frame).items() if k != "type"}


async def test_fifty_senders_at_two_replicas_leave_no_gap(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as second:
        people = await api.people(50)
        rooms = [await people[0].group_with(*people[1:]) for _ in range(3)]

        async def send(index: int) -> list[Appended | NotAppended]:
            one, replica = people[index], (api, second)[index % 2]
            order = rooms if index % 3 else rooms[::-1]
            batches = [[message(one, room) for room in order] for _ in range(4)]
            return [result for batch in batches for result in await append(replica, *batch)]

        results = [r for many in await asyncio.gather(*map(send, range(50))) for r in many]
        assert all(isinstance(result, Appended) for result in results)
        for room in rooms:
            assert await seqs_of(api, room) == list(range(1, 202))
            placed = sorted(
                (r.seq, r.number)
                for r in results
                if isinstance(r, Appended) and r.conversation == room
            )
            assert placed == [(seq, seq - 1) for seq in range(2, 202)]

            async def all_in_stream(room: str = room) -> bool:
                events = await api.stream(room)
                return {event.seq for event in events} == set(range(1, 202))

            await wait_until(all_in_stream)


async def test_batches_that_cross_do_not_deadlock(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as second:
        ada, bob = await api.people(2)
        rooms = [await ada.group_with(bob) for _ in range(8)]

        async def storm(replica: RunningApi, order: list[str], sender: Caller) -> None:
            for _ in range(20):
                results = await append(replica, *(message(sender, room) for room in order))
                assert all(isinstance(result, Appended) for result in results)

        async with asyncio.timeout(20):
            await asyncio.gather(storm(api, rooms, ada), storm(second, rooms[::-1], bob))
        row = await api.database.fetch_one(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        assert row == (0,)


async def test_a_retry_finds_the_first_try(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    one = message(ada, conversation)
    (first,) = await append(api, one)
    (again,) = await append(api, one)
    assert isinstance(first, Appended)
    assert again == Appended(first.conversation, first.seq, first.number, first.time, True)
    rest = await ada.say(conversation, key=one.client_msg_id)
    assert (rest["seq"], rest["repeat"]) == (first.seq, True)
    assert await seqs_of(api, conversation) == [1, 2]


async def test_repeats_within_a_batch_count_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    one, other = message(ada, conversation), message(ada, conversation)
    results = await append(api, one, other, one, one)
    assert [(r.seq, r.repeat) for r in results if isinstance(r, Appended)] == [
        (2, False), (3, False), (2, True), (2, True),
    ]  # fmt: skip


async def test_concurrent_retries_at_two_replicas_are_stored_once(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as second:
        ada, bob = await api.people(2)
        conversation = await ada.direct_with(bob)
        ones = [message(ada, conversation) for _ in range(10)]
        tries = [append((api, second)[n % 2], *ones[n % 5 :]) for n in range(20)]
        results = [result for many in await asyncio.gather(*tries) for result in many]
        assert all(isinstance(result, Appended) for result in results)
        fresh = [r for r in results if isinstance(r, Appended) and not r.repeat]
        assert len(fresh) == 10
        assert await seqs_of(api, conversation) == list(range(1, 12))


async def test_the_same_id_in_two_conversations_at_once_is_stored_in_one(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as second:
        ada, bob = await api.people(2)
        rooms = [await ada.group_with(bob) for _ in range(2)]
        keys = [new_id() for _ in range(30)]

        async def send(replica: RunningApi, room: str) -> list[Appended | NotAppended]:
            sends = [message(ada, room, key) for key in keys]
            return [r for n in range(0, 30, 3) for r in await append(replica, *sends[n : n + 3])]

        left, right = await asyncio.gather(send(api, rooms[0]), send(second, rooms[1]))
        for one, other in zip(left, right, strict=True):
            stored = [r for r in (one, other) if isinstance(r, Appended)]
            refused = [r for r in (one, other) if isinstance(r, NotAppended)]
            assert len(stored) == len(refused) == 1
            assert refused[0].code == "reused_client_msg_id"
        total = len(await seqs_of(api, rooms[0])) + len(await seqs_of(api, rooms[1]))
        assert total == 30 + 2


async def test_only_members_may_send(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    conversation = await ada.direct_with(bob)
    results = await append(
        api, message(eve, conversation), message(ada, conversation), message(ada, new_id())
    )
    assert [getattr(result, "code", "stored") for result in results] == [
        "not_found", "stored", "not_found",
    ]  # fmt: skip
    (inbox,) = await api.database.fetch_all(
        "SELECT id::text FROM conversations WHERE inbox_of = %s", (bob.id,)
    )
    (refused,) = await append(api, message(bob, inbox[0]))
    assert isinstance(refused, NotAppended)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.text"),
        ({"text": 1}, "body.text"),
        ({"text": ""}, "body.text"),
        ({"text": " \n\t\u3000"}, "body.text"),
        ({"text": "x" * 8001}, "body.text"),
        ({"text": "a\0b"}, "body.text"),
        ({"text": "fine", "colour": "red"}, "body.colour"),
    ],
)
async def test_a_bad_body_is_refused_by_its_field_and_harms_no_other(
    api: RunningApi, body: dict[str, object], field: str
) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    bad = NewMessage(conversation, ada.id, new_id(), body)
    refused, stored = await append(api, bad, message(ada, conversation, text="y" * 8000))
    assert isinstance(refused, NotAppended)
    assert (refused.code, refused.field) == ("invalid", field)
    assert isinstance(stored, Appended)


async def test_too_many_messages_at_once_are_refused(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    request = AppendRequest([message(ada, conversation) for _ in range(65)])
    answer = await api.call(SCOPE_GATEWAY, "POST", "/internal/v1/messages", request)
    assert answer.refusal == (413, "too_large", "messages")
