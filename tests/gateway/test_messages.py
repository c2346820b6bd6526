"""Messages from a socket to api and back."""

from __future__ import annotations

import asyncio
from typing import Any

from shared.entries import TypingSignal, WatchSignal, decode_signal
from shared.ids import new_id
from shared.limits import RECEIPTS_MAX_MEMBERS
from shared.partitions import partition_of
from tests.gateway.world import World
from tests.support.servers import wait_until

USER, ROOM = new_id(), new_id()


def message(number: int, text: str = "hi", **more: object) -> dict[str, object]:
    return {"type": "send", "id": f"m{number}", "conversation": ROOM, "body": {"text": text}} | more


async def test_a_message_is_answered_with_its_place_in_the_log(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(**message(1, trace="trace-1"))
    sent = await client.expect("sent")
    assert (sent["id"], sent["conversation"], sent["seq"], sent["number"]) == ("m1", ROOM, 1, 1)
    stored = world.backend.messages[0]
    assert stored.sender == USER
    assert stored.origin == client.welcome["connection"]
    assert stored.trace == "trace-1"


async def test_a_message_without_a_trace_gets_one(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(**message(1))
    await client.expect("sent")
    assert world.backend.messages[0].trace


async def test_a_trace_that_is_no_token_is_replaced(world: World) -> None:
    """It becomes a header of the request that carries other people's messages as well."""
    await world.start()
    client = await world.client(USER)
    await client.send(**message(1, trace="a\r\nX-Evil: 1"))
    await client.expect("sent")
    assert "Evil" not in world.backend.messages[0].trace


async def test_nested_bodies_go_no_further(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    body: object = []
    for _ in range(100):
        body = [body]
    await client.send(type="send", id="m1", conversation=ROOM, body={"text": body})
    refused = await client.expect("refused")
    assert (refused["id"], refused["code"], refused["field"]) == ("m1", "invalid", "body")
    await client.send(**message(2))
    assert (await client.expect("sent"))["seq"] == 1


async def test_a_body_may_hold_a_list_of_ids(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    body = {"text": "", "attachments": [ROOM, USER]}
    await client.send(type="send", id="m1", conversation=ROOM, body=body)
    assert (await client.expect("sent"))["id"] == "m1"
    assert world.backend.messages[0].body == body


async def test_large_messages_are_spread_over_requests(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    world.backend.answering.clear()
    for number in range(40):
        await client.send(**message(number, text="x" * 60_000))
    await wait_until(lambda: len(world.gateway.sends._queue) >= 20)
    world.backend.answering.set()
    assert [(await client.expect("sent"))["seq"] for _ in range(40)] == list(range(1, 41))


async def test_a_retry_is_the_same_message(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(**message(1))
    first = await client.expect("sent")
    await client.send(**message(1))
    again = await client.expect("sent")
    assert again["seq"] == first["seq"]
    assert again["repeat"] is True


async def test_a_refusal_has_the_messages_id(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(**message(1, text="no"))
    refused = await client.expect("refused")
    assert (refused["id"], refused["code"]) == ("m1", "forbidden")
    await client.send(type="send", id="m2", conversation="x", body={})
    refused = await client.expect("refused")
    assert (refused["id"], refused["code"], refused["field"]) == ("m2", "invalid", "conversation")


async def test_what_comes_while_a_request_is_in_flight_goes_in_one(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    world.backend.answering.clear()
    for number in range(40):
        await client.send(**message(number))
    await wait_until(lambda: len(world.gateway.sends._queue) >= 20)
    world.backend.answering.set()
    seqs = [(await client.expect("sent"))["seq"] for _ in range(40)]
    assert seqs == list(range(1, 41))
    assert max(world.backend.batches) >= 20
    assert [each.client_msg_id for each in world.backend.messages] == [f"m{n}" for n in range(40)]


async def test_an_api_that_is_down_is_told_and_the_socket_stays(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    world.backend.down = True
    await client.send(**message(1))
    refused = await client.expect("refused")
    assert refused["code"] == "unavailable"
    assert refused["retry_after_ms"] > 0
    world.backend.down = False
    await client.send(**message(1))
    assert (await client.expect("sent"))["seq"] == 1


async def test_another_replica_takes_over(world: World) -> None:
    await world.backend.start()
    dead = "http://127.0.0.1:9"  # discard: nothing listens
    live = world.backend.url
    await world.backend.stop()
    await world.start(
        api_urls=(
            dead,
            live.replace(live, "http://127.0.0.1:9"),
        )
    )
    client = await world.client(USER)
    world.gateway.sends._api._urls.append(world.backend.url)
    await client.send(**message(1))
    assert (await client.expect("sent"))["seq"] == 1


async def test_too_many_messages_are_refused_not_dropped(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    for number in range(80):
        await client.send(**message(number))
    answers = [await client.next() for _ in range(80)]
    refused = [each for each in answers if each["type"] == "refused"]
    assert len(refused) + sum(each["type"] == "sent" for each in answers) == 80
    assert refused
    assert {each["code"] for each in refused} == {"rate_limited"}
    assert all(each["retry_after_ms"] > 0 for each in refused)


async def test_sending_and_reading_move_the_read_mark(world: World) -> None:
    await world.start()
    client, other = await world.client(USER), new_id()
    await client.send(**message(1))
    await client.expect("sent")
    await client.send(type="read", conversation=other, seq=7)
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (1, 1))
    await wait_until(lambda: world.backend.mark(USER, other) == (7, 7))


async def test_marks_outlive_an_api_that_is_away(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    world.backend.down = True
    await client.send(type="read", conversation=ROOM, seq=7)
    await wait_until(lambda: world.gateway.receipts.waiting)
    await world.gateway.receipts.report()
    await client.send(type="read", conversation=ROOM, seq=5)
    world.backend.down = False
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (7, 7))


async def test_marks_that_nobody_is_shown_wait_longer(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    crowd = [USER, *(new_id() for _ in range(RECEIPTS_MAX_MEMBERS))]
    await world.deliver(ROOM, 1, crowd)
    await client.expect("event")
    await client.send(type="ack", n=1)
    receipts = world.gateway.receipts
    await wait_until(lambda: receipts.waiting)
    await receipts.report(every=False)
    assert receipts.waiting == 1
    await receipts.report()
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (1, 0))


async def test_typing_and_watching_reach_the_partitions_owner(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(type="typing", conversation=ROOM)
    await client.send(type="watch", conversations=[ROOM])
    await client.send(type="watch", conversations=[])
    stream = world.keys.signals(partition_of(ROOM, 32))

    async def three() -> bool:
        return await world.redis.xlen(stream) == 3

    await wait_until(three)
    entries: Any = await world.redis.xrange(stream)
    signals = [decode_signal(fields) for _, fields in entries]
    connection = client.welcome["connection"]
    assert signals == [
        TypingSignal(ROOM, USER, True),
        WatchSignal(connection, USER, [ROOM]),
        WatchSignal(connection, USER, []),
    ]


async def test_a_session_that_ends_with_messages_under_way_harms_nobody(world: World) -> None:
    await world.start()
    client, other = await world.client(USER), await world.client(new_id())
    world.backend.answering.clear()
    await client.send(**message(1))
    await wait_until(lambda: world.gateway.hub.everyone()[0].session.sends_in_flight)
    await client.socket.close()
    await wait_until(lambda: len(world.gateway.hub) == 1)
    world.backend.answering.set()
    await other.send(**message(2))
    assert (await other.expect("sent"))["seq"] == 2
    await asyncio.sleep(0)
