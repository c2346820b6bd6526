"""The full-screen chat, driven key by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from agileim import Client, Conversation, User
from agileim.tui.app import ChatApp
from agileim.tui.composer import Composer
from agileim.tui.messages import MessageList
from tests.clients_python.playserver import PlayServer
from tests.support.servers import wait_until

Chat = tuple[ChatApp, Pilot[None]]


@pytest.fixture
async def chat(server: PlayServer) -> AsyncIterator[Chat]:
    """The chat `team` with 200 messages, open at its end."""
    for n in range(200):
        server.append("team", f"message {n}")
    async with Client(server.url, "token") as client:
        conversation = await client.api.conversation("team")
        app = ChatApp(client, User("me", "me", "Me"), conversation)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "message 199" in screen(app))
            await until(pilot, lambda: app._status.connection.state == "connected")
            yield app, pilot


async def until(pilot: Pilot[None], predicate: Callable[[], bool]) -> None:
    """Let the app work until something holds."""
    try:
        async with asyncio.timeout(10):
            while not predicate():
                await pilot.pause(0.01)
    except TimeoutError:
        raise AssertionError(f"not so after 10 s; the screen:\n{screen(pilot.app)}") from None


def screen(app: object) -> str:
    """What is on the screen, as text."""
    assert isinstance(app, ChatApp)
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def write(pilot: Pilot[None], text: str) -> None:
    pilot.app.query_one(Composer).insert(text)
    await pilot.pause()


async def test_a_message_goes_from_sending_to_read(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    server.mute = True
    await write(pilot, "hello")
    await pilot.press("enter")
    await until(pilot, lambda: "hello sending…" in screen(app))
    server.mute = False
    server.cut_all()
    await until(pilot, lambda: "hello ✓" in screen(app))
    assert "hello ✓✓" not in screen(app)
    receipt = {"type": "receipt", "conversation": "team", "user": "bob"}
    await server.write({**receipt, "delivered": 201, "read": 5})
    await until(pilot, lambda: "hello ✓✓" in screen(app))
    await server.write({**receipt, "delivered": 201, "read": 201})
    await until(pilot, lambda: app.thread.state(app.thread.events[201]) == "read")
    assert screen(app).count("hello") == 1


async def test_a_refused_message_says_why_and_can_be_sent_again(
    chat: Chat, server: PlayServer
) -> None:
    app, pilot = chat
    server.refuse_sends = [{"code": "forbidden", "message": "not now"}]
    await write(pilot, "hello")
    await pilot.press("enter")
    await until(pilot, lambda: "hello ✗ not sent: not now" in screen(app))
    await pilot.press("ctrl+r")
    await until(pilot, lambda: "hello ✓" in screen(app))
    ids = {frame["id"] for frame in server.written("send")}
    assert len(ids) == 1


async def test_messages_of_others_appear_and_are_marked_read(
    chat: Chat, server: PlayServer
) -> None:
    app, pilot = chat
    await server.say("team", "你好，世界")
    await until(pilot, lambda: "你好，世界" in screen(app))
    await until(pilot, lambda: {r["seq"] for r in server.written("read")} >= {201})


async def test_control_characters_never_reach_the_terminal(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    await server.say("team", "\x1b]0;owned\x07plain\u202e")
    await until(pilot, lambda: "]0;ownedplain" in screen(app))
    assert not {"\x1b", "\x07", "\u202e"} & set(screen(app))


async def test_older_pages_load_by_scrolling_and_keep_the_place(
    chat: Chat, server: PlayServer
) -> None:
    app, pilot = chat
    for _ in range(60):
        await pilot.press("pageup")
        await pilot.pause(0.02)
        if app.thread.complete:
            break
    await until(pilot, lambda: app.thread.complete)
    await pilot.press("pageup")
    messages = app.query_one("#messages", MessageList)
    messages.scroll_home(animate=False)
    await until(pilot, lambda: "message 0" in screen(app))
    shown = [view.event.seq for view in messages.query("EventView").results()]  # type: ignore[attr-defined]  # typed by its selector
    assert shown == list(range(1, 201))
    # A new message does not pull the reader away, but is announced.
    await server.say("team", "news")
    await until(pilot, lambda: "↓ 1 new" in screen(app))
    assert "message 0" in screen(app)
    assert all(r["seq"] <= 200 for r in server.written("read"))


async def test_a_lost_connection_is_shown_and_what_was_missed_appears(
    chat: Chat, server: PlayServer
) -> None:
    app, pilot = chat
    states: list[str] = []
    bar = app.query_one("#connection", Static)
    server.hello_close_codes = [4005] * 3
    server.cut_all()
    server.append("team", "missed")
    await until(pilot, lambda: states.append(str(bar.render())) or "missed" in screen(app))  # type: ignore[func-returns-value]  # collects while waiting
    await until(pilot, lambda: not bar.has_class("shown"))
    assert any("reconnecting in" in state or "connecting" in state for state in states)


async def test_typing_and_presence(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    await server.write({"type": "typing", "conversation": "team", "user": "bob"})
    await until(pilot, lambda: "Bob is typing…" in screen(app))
    await server.say("team", "done", "bob")
    await until(pilot, lambda: "is typing" not in screen(app))
    online = {"user": "bob", "state": "online"}
    await server.write(
        {"type": "presence", "conversation": "team", "users": [online], "full": True}
    )
    await until(pilot, lambda: "● 1 online" in screen(app))
    await write(pilot, "h")
    await until(pilot, lambda: len(server.written("typing")) == 1)
    assert server.written("watch") == [{"type": "watch", "conversations": ["team"]}]


async def test_several_lines_and_small_terminals(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    await pilot.press("o", "n", "e", "ctrl+j", "t", "w", "o")
    await pilot.resize_terminal(30, 10)
    await until(pilot, lambda: "message 199" in screen(app))
    await pilot.press("enter")
    await until(pilot, lambda: len(server.logs["team"]) == 201)
    assert server.logs["team"][-1]["body"]["text"] == "one\ntwo"
    await pilot.resize_terminal(120, 40)
    await until(pilot, lambda: "two ✓" in screen(app))


async def test_quitting_warns_of_an_unsent_message_once(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    server.mute = True
    await write(pilot, "hello")
    await pilot.press("enter")
    await until(pilot, lambda: "sending…" in screen(app))
    await pilot.press("ctrl+q")
    await pilot.pause()
    assert app.is_running
    await pilot.press("ctrl+q")
    await wait_until(lambda: not app.is_running)


async def test_an_ended_session_ends_the_chat_with_its_reason(
    chat: Chat, server: PlayServer
) -> None:
    app, _ = chat
    await server.close_all(4504)
    await wait_until(lambda: not app.is_running)
    assert "session was ended" in str(app.failure)


def test_a_peer_has_a_name_and_a_group_has_one() -> None:
    assert Conversation("c", "direct", peer=User("u", "mei", "Mei Lin")).label == "Mei Lin"
    assert Conversation("c", "group", "Garden").label == "Garden"


async def test_messages_show_what_became_of_them(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    root = (await server.say("team", "a question"))["seq"]
    await server.tell("team", "reaction_added", {"seq": root, "emoji": "👍"})
    await server.tell("team", "message_edited", {"seq": root, "version": 2, "text": "the question"})
    await server.tell("team", "message_pinned", {"seq": root})
    await server.tell("team", "message", {"text": "an answer", "thread": root})
    answer = await server.tell("team", "message", {"text": "yes", "reply_to": root})
    await until(pilot, lambda: "the question (edited)" in screen(app))
    await until(pilot, lambda: "📌  👍 1  💬 1 in thread" in screen(app))
    assert "a question" not in screen(app)
    assert "reacted" not in screen(app)
    await until(pilot, lambda: "│ an answer" in screen(app))
    await until(pilot, lambda: "↪ Bob: the question" in screen(app))
    await server.tell("team", "message_recalled", {"seq": answer["seq"]})
    await until(pilot, lambda: "(recalled)" in screen(app))
    assert "yes" not in screen(app)


async def test_history_that_is_loaded_backwards_is_shown_as_it_is_now(
    server: PlayServer,
) -> None:
    first = server.append("team", "before")["seq"]
    for n in range(100):
        server.append("team", f"message {n}")
    for kind, body in (
        ("message_edited", {"seq": first, "version": 2, "text": "after"}),
        ("reaction_added", {"seq": first, "emoji": "🎉"}),
    ):
        server.append("team", "").update(kind=kind, body=body)
    async with Client(server.url, "token") as client:
        conversation = await client.api.conversation("team")
        app = ChatApp(client, User("me", "me", "Me"), conversation)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "message 99" in screen(app))
            await until(pilot, lambda: app._status.connection.state == "connected")
            await server.tell("team", "reaction_added", {"seq": first, "emoji": "🎉"}, "eve")
            for _ in range(40):
                await pilot.press("pageup")
                await pilot.pause(0.02)
                if app.thread.complete:
                    break
            await until(pilot, lambda: app.thread.complete)
            app.query_one("#messages", MessageList).scroll_home(animate=False)
            await until(pilot, lambda: "after (edited)" in screen(app))
            assert "🎉 2" in screen(app), "each reaction once, live or loaded"


async def test_commands_are_about_the_chosen_message(chat: Chat, server: PlayServer) -> None:
    app, pilot = chat
    for _ in range(2):
        await pilot.press("ctrl+up")
    assert app._chosen == 199
    await write(pilot, "/reply indeed")
    await pilot.press("enter")
    await until(pilot, lambda: bool(server.written("send")))
    assert server.written("send")[-1]["body"] == {"text": "indeed", "reply_to": 199}
    assert app._chosen == 0
    await write(pilot, "/thread aside")
    await pilot.press("enter")
    await until(pilot, lambda: len(server.written("send")) == 2)
    assert server.written("send")[-1]["body"]["thread"] > 199, "the newest, where none is chosen"
    await write(pilot, "/dance")
    await pilot.press("enter")
    await until(pilot, lambda: any("no /dance" in one.message for one in app._notifications))
    await write(pilot, "//not a command")
    await pilot.press("enter")
    await until(pilot, lambda: len(server.written("send")) == 3)
    assert server.written("send")[-1]["body"] == {"text": "/not a command"}
