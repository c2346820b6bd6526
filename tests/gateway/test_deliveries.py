"""From the gateway's stream to the sockets, and the acknowledgements back."""

from __future__ import annotations

from typing import Any

from shared import frames
from shared.entries import Delivery, DeliveryItem, encode
from shared.ids import new_id
from shared.keys import DELIVER_GROUP
from tests.gateway.world import World, event_frame
from tests.support.servers import wait_until

USER, OTHER, ROOM = new_id(), new_id(), new_id()


async def nothing_pending(world: World) -> None:
    async def none() -> bool:
        return await world.pending() == 0

    await wait_until(none)


async def test_an_event_reaches_every_device_and_is_confirmed_by_their_acks(world: World) -> None:
    await world.start()
    first, second = await world.client(USER), await world.client(USER)
    await world.deliver(ROOM, 1, [USER, OTHER])
    for device in (first, second):
        event = await device.expect("event")
        assert (event["conversation"], event["seq"]) == (ROOM, 1)
    await first.send(type="ack", n=1)
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (1, 0))
    assert await world.pending() == 1  # the second device has not acknowledged
    await second.send(type="ack", n=1)
    await nothing_pending(world)


async def test_the_connection_that_sent_it_is_skipped(world: World) -> None:
    await world.start()
    sender, other = await world.client(USER), await world.client(USER)
    await world.deliver(ROOM, 1, [USER], skip=sender.welcome["connection"])
    await world.deliver(ROOM, 2, [USER])
    assert (await other.expect("event"))["seq"] == 1
    assert (await sender.expect("event"))["seq"] == 2


async def test_an_entry_for_nobody_here_is_confirmed(world: World) -> None:
    await world.start()
    await world.deliver(ROOM, 1, [OTHER])
    await wait_until(lambda: world.gateway.metrics.entries_read == 1)
    await nothing_pending(world)


async def test_a_recipient_who_goes_gives_the_entry_back(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await world.deliver(ROOM, 1, [USER])
    await client.expect("event")
    assert await world.pending() == 1
    await client.socket.close()
    await nothing_pending(world)


async def test_acks_are_cumulative_and_cannot_run_ahead(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    for seq in range(1, 6):
        await world.deliver(ROOM, seq, [USER])
    for _ in range(5):
        await client.expect("event")
    await client.send(type="ack", n=6)
    assert (await client.expect("error"))["field"] == "n"
    await client.send(type="ack", n=3)
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (3, 0))
    await client.send(type="ack", n=2)  # late: without effect
    await client.send(type="ack", n=5)
    await wait_until(lambda: world.backend.mark(USER, ROOM) == (5, 0))
    await nothing_pending(world)


async def test_the_stream_is_trimmed_below_what_is_confirmed(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    for seq in range(1, 6):
        await world.deliver(ROOM, seq, [USER])
    for _ in range(5):
        await client.expect("event")
    await client.send(type="ack", n=3)
    stream = world.keys.gateway_out(world.gateway_id)

    async def length(wanted: int) -> bool:
        return await world.redis.xlen(stream) == wanted

    await wait_until(lambda: length(2))
    await client.send(type="ack", n=5)
    await wait_until(lambda: length(0))


async def test_signals_are_not_counted_as_events(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await world.signal(frames.Typing(ROOM, True, OTHER), [USER])
    typing = await client.expect("typing")
    assert (typing["conversation"], typing["user"]) == (ROOM, OTHER)
    await nothing_pending(world)
    await client.send(type="ack", n=1)
    await client.expect("error")


async def test_what_a_lost_reading_had_taken_is_delivered_after_all(world: World) -> None:
    """Entries in the PEL that this process never saw: read from 0 when the reader starts anew."""
    await world.start()
    client = await world.client(USER)
    await world.deliver(ROOM, 1, [USER])
    await client.expect("event")
    stream = world.keys.gateway_out(world.gateway_id)
    # Some other reading takes the next entry away, under our name, before ours can.
    async with world.redis.pipeline(transaction=True) as pipe:
        delivery = Delivery(0, 1, [DeliveryItem(event_frame(ROOM, 2), [USER], ROOM, 2)])
        fields: Any = encode(delivery)
        pipe.xadd(stream, fields)
        pipe.xreadgroup(DELIVER_GROUP, "gateway", {stream: ">"}, count=10)
        await pipe.execute()
    ids = [each["id"] for each in await world.redis.client_list() if "xreadgroup" in each["cmd"]]
    for client_id in ids:  # our reader's connection breaks
        await world.redis.client_kill_filter(_id=client_id)
    assert (await client.expect("event"))["seq"] == 2
    assert world.gateway.metrics.redelivered == 1
    await wait_until(lambda: world.gateway.metrics.repeats_dropped == 1)  # seq 1 was known
    await client.send(type="ack", n=2)
    await nothing_pending(world)


async def test_a_deposed_owner_is_not_listened_to(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await world.deliver(ROOM, 1, [USER], fence=10)
    await world.deliver(ROOM, 2, [USER], fence=9)
    await world.deliver(ROOM, 3, [USER], fence=1, partition=5)
    await world.deliver(ROOM, 4, [USER], fence=11)
    assert [(await client.expect("event"))["seq"] for _ in range(3)] == [1, 3, 4]
    assert world.gateway.metrics.fenced_off == 1
    await client.send(type="ack", n=3)
    await nothing_pending(world)


async def test_an_unreadable_entry_does_not_stop_the_stream(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await world.redis.xadd(world.keys.gateway_out(world.gateway_id), {"d": b"\xc1"})
    await world.deliver(ROOM, 1, [USER])
    await client.expect("event")
    await client.send(type="ack", n=1)
    await nothing_pending(world)
    assert world.gateway.metrics.bad_entries == 1


async def test_a_ping_carries_only_heads_that_this_socket_was_not_sent(world: World) -> None:
    await world.start(heartbeat_s=0.3)
    told, untold = new_id(), new_id()
    client = await world.client(USER)
    await world.deliver(told, 3, [USER])
    await client.expect("event")
    world.backend.heads[USER] = [(told, 3), (untold, 8)]
    while not (ping := await client.expect("ping", skip=())).get("heads"):
        await client.send(type="pong")
    assert ping["heads"] == [[untold, 8]]


async def test_who_does_not_answer_pings_is_closed(world: World) -> None:
    await world.start(heartbeat_s=0.1)
    client = await world.client(USER)
    assert await client.closed() == 4002


async def test_latency_and_counts_can_be_scraped(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await world.deliver(ROOM, 1, [USER])
    await client.expect("event")
    await client.send(type="ack", n=1)
    async with world.http.get(f"{world.url}/metrics") as response:
        page = await response.text()
    assert "agileim_gateway_connections 1.0" in page
    assert "agileim_gateway_events_written_total 1.0" in page
    assert "agileim_gateway_event_latency_seconds_count 1.0" in page
    assert 'agileim_gateway_frames_received_total{type="Hello"} 1.0' in page
