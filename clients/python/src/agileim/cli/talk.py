"""``chats``, ``chat``, ``send``, ``tail``, ``history``, ``new-group``, ``members``."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import date
from typing import Literal

from agileim.cli.account import note
from agileim.cli.naming import conversation_named, user_named
from agileim.cli.output import Output
from agileim.client import Client
from agileim.errors import AgileIMError, NotFound
from agileim.events import ConnectionState, LogEvent, Message, from_wire
from agileim.models import Conversation
from agileim.people import People, mentioned
from agileim.profiles import ProfileFile, home
from agileim.stores import MemoryStore, SqliteStore, Store, StoreBusy


def quiet_client(options: Namespace) -> Client:
    """A client without a socket."""
    return Client.from_profile(_profile(options), live=False)


def _profile(options: Namespace) -> ProfileFile:
    file = ProfileFile(options.profile)
    known = file.read()
    if options.url and known is not None and known.url != options.url.rstrip("/"):
        raise AgileIMError(f"profile {file.name} is signed in at {known.url}, not {options.url}")
    return file


async def chats(options: Namespace, output: Output) -> None:
    """List the conversations, those with unread messages first."""
    async with quiet_client(options) as client:
        found = [one async for one in client.api.conversations() if one.kind != "inbox"]
    found.sort(key=lambda one: (not one.unread, one.label.casefold()))
    if output.as_json:
        for one in found:
            output.json(one)
    elif found:
        output.chats(found)
    else:
        output.say("No conversations yet. Start one: agileim chat NAME")


async def send(options: Namespace, output: Output) -> None:
    """Send one message; ``-`` reads it from standard input."""
    # Imported here: it needs this module.
    from agileim.cli.files import upload_all

    text = sys.stdin.read().rstrip("\n") if options.text == ["-"] else " ".join(options.text)
    if not text and not options.file:
        raise AgileIMError("there is nothing to send")
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        attachments = await upload_all(client.api, options.file, output)
        sent = await client.send(
            conversation.id, text, client_msg_id=options.id, reply_to=options.reply_to,
            thread=options.thread, attachments=attachments,
        )  # fmt: skip
    if output.as_json:
        output.json(sent)
    output.say(f"sent ✓ to {conversation.label}")


async def edit(options: Namespace, output: Output) -> None:
    """Give one's own message another text."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        text = " ".join(options.text)
        version = await client.api.edit_message(conversation.id, options.seq, text)
    if output.as_json:
        output.json(version)
    output.say(f"edited ✓ (version {version.version})")


async def recall(options: Namespace, output: Output) -> None:
    """Take a message's text away."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        await client.api.recall_message(conversation.id, options.seq)
    output.say("recalled ✓")


async def react(options: Namespace, output: Output) -> None:
    """React to a message, or take the reaction back."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        change = client.api.unreact if options.remove else client.api.react
        await change(conversation.id, options.seq, options.emoji)
    output.say("taken back ✓" if options.remove else "reacted ✓")


async def pin(options: Namespace, output: Output) -> None:
    """Pin a message for all, or take the pin away."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        change = client.api.unpin if options.remove else client.api.pin
        await change(conversation.id, options.seq)
    output.say("unpinned ✓" if options.remove else "pinned ✓")


async def history(options: Namespace, output: Output) -> None:
    """Print the newest events of a conversation, oldest first."""
    async with quiet_client(options) as client:
        me = await client.me()
        conversation = await conversation_named(client.api, options.name)
        newest: list[LogEvent] = []
        async for stored in client.api.history_backwards(conversation.id):
            newest.append(from_wire(stored, me.id))
            if len(newest) >= options.limit:
                break
        people = People(client.api)
        await people.learn(user for event in newest for user in mentioned(event))
    newest.reverse()
    day: date | None = None
    for event in newest:
        if output.as_json:
            output.json(event)
            continue
        local = event.time.astimezone()
        if local.date() != day:
            day = local.date()
            output.day(local)
        output.event(event, people)


async def members(options: Namespace, output: Output) -> None:
    """List a conversation's members."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        found = [member async for member in client.api.members(conversation.id)]
    if output.as_json:
        for member in found:
            output.json(member)
    else:
        output.members(found)


async def new_group(options: Namespace, output: Output) -> None:
    """Create a group."""
    async with quiet_client(options) as client:
        users = [(await user_named(client.api, name)).id for name in options.members]
        group = await client.api.create_group(options.name, users)
    if output.as_json:
        output.json(group)
    output.say(f"created the group “{group.label}” ({group.id})")


async def tail(options: Namespace, output: Output) -> None:
    """Print what happens, as it happens; goes on where it was stopped."""
    store = _tail_store(options)
    start: Literal["beginning", "now"] = "beginning" if options.all else "now"
    client = Client.from_profile(_profile(options), store=store, start=start)
    count = 0
    async with client:
        people = People(client.api)
        chats: dict[str, Conversation] = {}
        async for event in client.events():
            if isinstance(event, ConnectionState):
                if event.state == "waiting":
                    note(f"{event.reason}; trying again in {event.retry_in_s:.1f} s")
                elif output.as_json and options.states:
                    output.json(event)
            elif output.as_json and (options.states or isinstance(event, LogEvent)):
                output.json(event)
            elif isinstance(event, LogEvent):
                await people.learn(mentioned(event))
                name = await _label(client, chats, event.conversation)
                output.event(event, people, chat=name)
            if isinstance(event, Message):
                count += 1
                if options.count and count >= options.count:
                    return


async def _label(client: Client, chats: dict[str, Conversation], conversation: str) -> str:
    if conversation not in chats:
        try:
            chats[conversation] = await client.api.conversation(conversation)
        except NotFound:
            chats[conversation] = Conversation(conversation, name="left")
    return chats[conversation].label


def _tail_store(options: Namespace) -> Store:
    try:
        return SqliteStore(home() / f"{options.profile}.tail.db")
    except StoreBusy:
        note("Another `tail` of this profile runs: this one will not remember its position.")
        return MemoryStore()


async def chat(options: Namespace, output: Output) -> None:
    """The full-screen chat."""
    if output.as_json:
        raise AgileIMError("chat is for people: use `tail` and `send` with --json")
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise AgileIMError("chat needs a terminal: use `tail` and `send` in scripts")
    # Imported here: the other commands start faster without it.
    from agileim.tui.app import ChatApp

    async with Client.from_profile(_profile(options)) as client:
        me = await client.me()
        conversation = await conversation_named(client.api, options.name)
        app = ChatApp(client, me, conversation)
        await app.run_async()
    if app.failure is not None:
        raise app.failure
