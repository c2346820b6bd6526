"""The client against a real server that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

import agileim
from agileim import Client, LogEvent, MemoryStore, Message
from tests.clients_python.playserver import PlayServer
from tests.support.servers import wait_until


async def texts(client: Client, count: int) -> list[str]:
    """The next `count` messages."""
    found: list[str] = []
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, Message):
                found.append(event.text)
                if len(found) == count:
                    break
    return found


async def connected(client: Client) -> None:
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, agileim.ConnectionState) and event.state == "connected":
                return


@pytest.fixture
async def client(server: PlayServer) -> AsyncIterator[Client]:
    """A client that has connected and synced: one conversation `team` with one message."""
    server.append("team", "old")
    async with Client(server.url, "token") as running:
        await connected(running)
        await wait_until(lambda: running._running().session._logs.position("team") == 1)
        yield running


async def test_live_messages_come_in_order_and_once(client: Client, server: PlayServer) -> None:
    first, second, third = (server.append("team", str(n)) for n in range(3))
    for event in (second, first, first, third, second):
        await server.push(event)
    assert await texts(client, 3) == ["0", "1", "2"]
    await server.say("team", "last")
    assert await texts(client, 1) == ["last"]


async def test_a_gap_is_filled_over_rest(client: Client, server: PlayServer) -> None:
    server.append("team", "lost 1")
    server.append("team", "lost 2")
    await server.say("team", "seen")
    assert await texts(client, 3) == ["lost 1", "lost 2", "seen"]
    assert "GET /v1/conversations/team/events?after_seq=1&limit=2" in server.requests


async def test_what_came_while_cut_off_comes_after_the_reconnect(
    client: Client, server: PlayServer
) -> None:
    server.cut_all()
    for n in range(300):
        server.append("team", str(n))
    assert await texts(client, 300) == [str(n) for n in range(300)]


async def test_events_are_acknowledged(client: Client, server: PlayServer) -> None:
    for n in range(40):
        await server.say("team", str(n))
    await texts(client, 40)
    await wait_until(lambda: [a["n"] for a in server.written("ack")] == [32, 40])


async def test_fetched_events_are_reported_as_delivered(client: Client, server: PlayServer) -> None:
    server.cut_all()
    server.append("team", "one")
    await texts(client, 1)
    await wait_until(
        lambda: {"type": "rest receipts", "delivered_seq": 2, "id": "team"} in server.frames
    )


async def test_a_message_is_sent_and_comes_back_in_the_log(
    client: Client, server: PlayServer
) -> None:
    sent = await client.send("team", "hello")
    assert (sent.seq, sent.repeat) == (2, False)
    events = client.events()
    async with asyncio.timeout(5):
        own = await anext(e async for e in events if isinstance(e, Message))
    assert (own.text, own.seq, own.mine, own.client_msg_id) == (
        "hello",
        2,
        True,
        sent.client_msg_id,
    )


@pytest.mark.parametrize("cut", ["cut_before_commit", "cut_before_sent"])
async def test_a_send_survives_lost_connections_and_is_stored_once(
    client: Client, server: PlayServer, cut: str
) -> None:
    setattr(server, cut, 2)
    sent = await client.send("team", "hello")
    tries = server.written("send")
    assert len(tries) == 3
    assert {t["id"] for t in tries} == {sent.client_msg_id}
    assert [e["body"]["text"] for e in server.logs["team"]] == ["old", "hello"]
    assert sent.repeat == (cut == "cut_before_sent")
    assert await texts(client, 1) == ["hello"]


async def test_many_sends_at_once_are_all_stored_once(client: Client, server: PlayServer) -> None:
    server.cut_before_sent = 3
    results = await asyncio.gather(*(client.send("team", str(n)) for n in range(500)))
    assert sorted(r.seq for r in results) == list(range(2, 502))
    assert len(server.logs["team"]) == 501


async def test_refusals_reach_the_caller_or_are_tried_again(
    client: Client, server: PlayServer
) -> None:
    server.refuse_sends = [
        {"code": "unavailable", "message": "later", "retry_after_ms": 5},
        {"code": "rate_limited", "message": "slowly", "retry_after_ms": 5},
    ]
    assert (await client.send("team", "patience")).seq == 2
    server.refuse_sends = [{"code": "invalid", "message": "too long", "field": "body.text"}]
    with pytest.raises(agileim.Refused) as refused:
        await client.send("team", "x" * 9000)
    assert (refused.value.code, refused.value.field) == ("invalid", "body.text")


async def test_without_an_answer_the_outcome_is_unknown_and_a_retry_tells(
    client: Client, server: PlayServer
) -> None:
    server.mute = True
    with pytest.raises(agileim.OutcomeUnknown) as unknown:
        await client.send("team", "hello", client_msg_id="id-1", timeout_s=0.2)
    assert unknown.value.client_msg_id == "id-1"
    server.mute = False
    assert (await client.send("team", "hello", client_msg_id="id-1")).client_msg_id == "id-1"


async def test_a_message_never_written_is_known_to_be_unsent(server: PlayServer) -> None:
    server.valid_tokens = set()
    server.hello_close_codes = [4005] * 100
    async with Client(server.url, "token") as client:
        with pytest.raises(agileim.Unreachable):
            await client.send("team", "hello", timeout_s=0.1)


async def test_cancelling_a_send_leaves_nothing_behind(client: Client, server: PlayServer) -> None:
    server.mute = True
    task = asyncio.create_task(client.send("team", "hello"))
    await wait_until(lambda: bool(client._running().answers))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    driver = client._running()
    assert not driver.answers
    assert len(driver.session._outbox) == 0


async def test_closing_the_client_fails_waiting_sends_and_leaves_no_task(
    server: PlayServer,
) -> None:
    server.append("team", "old")
    before = asyncio.all_tasks()
    async with Client(server.url, "token") as client:
        await connected(client)
        server.mute = True
        task = asyncio.create_task(client.send("team", "hello"))
        await wait_until(lambda: bool(client._running().answers))
    with pytest.raises(agileim.OutcomeUnknown):
        await task
    # Those of the server's own connections end when it notices.
    await wait_until(lambda: not {t for t in asyncio.all_tasks() - before if "agileim" in repr(t)})


async def test_cancellation_at_any_moment_leaves_no_task(server: PlayServer) -> None:
    """Cut short while connecting, syncing, fetching, sending: nothing stays behind."""
    for n in range(50):
        server.append("team", str(n))

    async def work() -> None:
        async with Client(server.url, "token", start="beginning") as client:
            sending = asyncio.gather(*(client.send("team", str(n)) for n in range(20)))
            try:
                async for _ in client.events():
                    pass
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    for step in range(60):
        task = asyncio.create_task(work())
        for _ in range(step):
            await asyncio.sleep(0)
        if step >= 40:
            await asyncio.sleep((step - 40) / 500)  # past the first network answers
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        left = [t for t in asyncio.all_tasks() if "agileim" in repr(t.get_coro())]
        assert not left


async def test_a_half_open_line_is_noticed_and_replaced(server: PlayServer) -> None:
    server.heartbeat_s = 0.05
    server.append("team", "old")
    async with Client(server.url, "token") as client:
        await connected(client)
        # This server never pings: after 2.5 heartbeats of silence the client reconnects.
        await wait_until(lambda: len(server.hellos) >= 3)


async def test_an_expired_token_is_replaced_before_the_next_connection(
    server: PlayServer,
) -> None:
    class Source:
        def __init__(self) -> None:
            self.number = 0

        async def access_token(self, *, rejected: str = "") -> str:
            if rejected == f"t{self.number}":
                self.number += 1
            return f"t{self.number}"

    server.valid_tokens = {"t0", "t1", "t2"}
    async with Client(server.url, Source()) as client:
        await connected(client)
        await server.write({"type": "expiring"})
        await wait_until(lambda: [f["token"] for f in server.written("refresh")] == ["t1"])
        await server.close_all(4003)
        await connected(client)
    assert server.hellos == ["t0", "t2"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (4504, agileim.SessionRevoked),
        (4503, agileim.SignedOut),
        (4500, agileim.ProtocolError),
        (4505, agileim.ProtocolError),
    ],
)
async def test_final_close_codes_end_the_stream(
    client: Client, server: PlayServer, code: int, error: type[Exception]
) -> None:
    server.hello_close_codes = [code]
    await server.close_all(code)
    with pytest.raises(error):
        await texts(client, 1)
    with pytest.raises(error):
        await client.send("team", "too late")


@pytest.mark.parametrize("code", [1001, 1006, 4000, 4001, 4002, 4004, 4005, 4006, 4007])
async def test_other_close_codes_reconnect(client: Client, server: PlayServer, code: int) -> None:
    if code == 1006:
        server.cut_all()
    else:
        await server.close_all(code)
    server.append("team", "meanwhile")
    assert await texts(client, 1) == ["meanwhile"]


async def test_a_failing_rest_interface_delays_and_loses_nothing(
    client: Client, server: PlayServer
) -> None:
    server.fail_requests = 4
    server.cut_all()
    server.append("team", "one")
    server.append("team", "two")
    assert await texts(client, 2) == ["one", "two"]


async def test_memory_stays_bounded_while_the_program_takes_nothing(server: PlayServer) -> None:
    server.append("team", "old")
    async with Client(server.url, "token", window=50) as client:
        await connected(client)
        driver = client._running()
        await wait_until(lambda: driver.session._logs.position("team") == 1)
        for n in range(1000):
            await server.say("team", str(n))
            await server.write({"type": "receipt", "conversation": "team", "user": f"u{n % 3}"})
        await wait_until(lambda: server.written("ack") and server.written("ack")[-1]["n"] == 1000)
        logs = driver.session._logs
        # The window, the events held back, three receipts, states and the conversation.
        assert len(driver.feed) <= 50 + 3 + 3
        assert logs._held() <= 50
        assert await texts(client, 1000) == [str(n) for n in range(1000)]


async def test_a_restart_resumes_exactly_after_what_was_handed_out(server: PlayServer) -> None:
    store = MemoryStore()
    server.append("team", "old")
    async with Client(server.url, "token", store=store) as client:
        await connected(client)
        await wait_until(lambda: store.saved.cursor is not None)
        for n in range(10):
            await server.say("team", str(n))
        assert await texts(client, 4) == ["0", "1", "2", "3"]
    server.append("team", "while away")
    async with Client(server.url, "token", store=store) as client:
        assert await texts(client, 7) == ["4", "5", "6", "7", "8", "9", "while away"]


async def test_an_event_whose_handling_failed_comes_again(server: PlayServer) -> None:
    store = MemoryStore()
    server.append("team", "old")

    async def fail_at_the_second() -> None:
        async with Client(server.url, "token", store=store) as client:
            await connected(client)
            await wait_until(lambda: store.saved.cursor is not None)
            await server.say("team", "one")
            await server.say("team", "two")
            async for event in client.events():
                if isinstance(event, Message) and event.text == "two":
                    raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_at_the_second()
    async with Client(server.url, "token", store=store) as client:
        assert await texts(client, 1) == ["two"]


async def test_from_the_beginning_all_history_comes(server: PlayServer) -> None:
    for n in range(450):
        server.append("team", str(n))
    async with Client(server.url, "token", start="beginning", window=100) as client:
        assert await texts(client, 450) == [str(n) for n in range(450)]


async def test_a_store_that_fails_ends_the_stream_with_its_error(server: PlayServer) -> None:
    class Full(MemoryStore):
        async def handed_out(self, conversation: str, seq: int) -> None:
            raise OSError("disk full")

    server.append("team", "old")
    async with Client(server.url, "token", store=Full(), start="beginning") as client:
        with pytest.raises(agileim.AgileIMError, match="disk full"):
            await texts(client, 2)


async def test_read_marks_typing_and_watch_are_written(client: Client, server: PlayServer) -> None:
    await client.mark_read("team", 1)
    client.typing("team")
    client.typing("team")
    client.watch(["team"])
    await wait_until(lambda: bool(server.written("watch")))
    assert server.written("read") == [{"type": "read", "conversation": "team", "seq": 1}]
    assert len(server.written("typing")) == 1
    server.cut_all()
    await connected(client)
    await wait_until(lambda: len(server.written("watch")) == 2)


async def test_closing_acknowledges_what_was_received(server: PlayServer) -> None:
    server.append("team", "old")
    async with Client(server.url, "token") as client:
        await connected(client)
        await server.say("team", "one")
        await texts(client, 1)
    await wait_until(lambda: [a["n"] for a in server.written("ack")] == [1])


async def test_without_a_socket_sending_goes_over_rest_with_one_id(server: PlayServer) -> None:
    server.cut_before_sent = 1
    async with Client(server.url, "token", live=False) as client:
        sent = await client.send("team", "hello")
        assert sent.repeat
        with pytest.raises(agileim.Closed):
            client.events()
    assert [e["body"]["text"] for e in server.logs["team"]] == ["hello"]


async def test_history_is_read_page_by_page(server: PlayServer) -> None:
    for n in range(250):
        server.append("team", str(n))
    async with Client(server.url, "token", live=False) as client:
        forwards = [e.seq async for e in client.api.history("team")]
        backwards = [e.seq async for e in client.api.history_backwards("team")]
        with pytest.raises(agileim.NotFound):
            await client.api.conversation("nowhere")
    assert forwards == list(range(1, 251))
    assert backwards == list(reversed(forwards))


async def test_two_conversations_keep_each_their_order(client: Client, server: PlayServer) -> None:
    seen: dict[str, list[int]] = {"team": [], "other": []}
    for n in range(20):
        await server.say("team", str(n))
        await server.say("other", str(n))
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, LogEvent):
                seen[event.conversation].append(event.seq)
            if sum(map(len, seen.values())) == 40:
                break
    assert seen == {"team": list(range(2, 22)), "other": list(range(1, 21))}


async def test_a_reply_says_what_it_answers(server: PlayServer) -> None:
    first = server.append("team", "coming?")
    async with Client(server.url, "token") as client:
        stream = client.events()
        sent = await client.send("team", "yes", reply_to=first["seq"])
        async for event in stream:
            if isinstance(event, Message) and event.seq == sent.seq:
                assert event.reply_to == first["seq"]
                break
    assert server.written("send")[0]["body"] == {"text": "yes", "reply_to": first["seq"]}
