"""``channels``, ``join``, ``invite``, ``group``, ``settings``, ``threads``, ``forward``, …"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from agileim.cli.naming import conversation_named, user_named
from agileim.cli.output import Output
from agileim.cli.talk import quiet_client
from agileim.errors import AgileIMError, NotFound
from agileim.group_models import Channel

Run = Callable[[Namespace, Output], Awaitable[None]]
Command = Callable[[str, Run, str], ArgumentParser]


def add_commands(command: Command) -> None:
    """The commands of this module."""
    one = command("channels", channels, "find public groups")
    one.add_argument("words", nargs="*", metavar="WORD", help="words of their names")
    one = command("join", join, "join a public group, or a group by an invitation")
    one.add_argument("name", metavar="NAME", nargs="?", help="a public group")
    one.add_argument("--invite", metavar="TOKEN", help="an invitation")
    one.add_argument("--message", default="", help="a word to those who decide")
    one = command("invite", invite, "make an invitation to a group")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--hours", type=float, help="how long it is good")
    one.add_argument("--uses", type=int, help="how often it is good")
    one.add_argument("--approval", action="store_true", help="who comes by it has to ask first")
    one = command("group", group, "change what a group is")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--rename", metavar="TEXT")
    one.add_argument("--topic", metavar="TEXT")
    one.add_argument("--description", metavar="TEXT")
    one.add_argument("--visibility", choices=("private", "public"))
    one.add_argument("--joining", choices=("invited", "request", "open"))
    one.add_argument("--announcement", choices=("yes", "no"), help="only owner and admins write")
    one = command("requests", requests, "who asks to join a group; let them in")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--accept", metavar="USER")
    one.add_argument("--refuse", metavar="USER")
    for name, run, text in (
        ("ban", ban, "remove somebody from a group and keep them out"),
        ("silence", silence, "keep a member from writing for a time"),
    ):
        one = command(name, run, text)
        one.add_argument("name", metavar="NAME")
        one.add_argument("user", metavar="USER")
        one.add_argument("--remove", action="store_true", help="take it back")
        if name == "silence":
            one.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    one = command("settings", settings, "your own settings of a conversation")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--mute-hours", type=float, help="no notifications for so long; 0: again")
    one.add_argument("--notify", choices=("all", "mentions", "none"))
    for flag in ("pinned", "archived", "hidden", "unread"):
        one.add_argument(f"--{flag}", choices=("yes", "no"))
    one = command("threads", threads, "the threads that you follow")
    one.add_argument("--unread", action="store_true", help="only those with unread replies")
    one = command("forward", forward, "say messages again elsewhere")
    one.add_argument("name", metavar="NAME", help="where they are")
    one.add_argument("seqs", nargs="+", type=int, metavar="SEQ", help="see `history --json`")
    one.add_argument("--to", required=True, metavar="NAME", help="where they go")
    one = command("receipts", receipts, "who has got and read a message")
    one.add_argument("name", metavar="NAME")
    one.add_argument("seq", type=int, metavar="SEQ", help="see `history --json`")


async def channels(options: Namespace, output: Output) -> None:
    """List public groups."""
    async with quiet_client(options) as client:
        async for one in client.api.channels(" ".join(options.words)):
            if output.as_json:
                output.json(one)
            how = {"member": "you are in it", "requested": "you asked to join"}.get(
                one.state, "open" if one.joining == "open" else "on request"
            )
            output.say(f"{one.name}  {one.topic}  ({one.member_count} members, {how})  {one.id}")


async def join(options: Namespace, output: Output) -> None:
    """Come into a group."""
    if bool(options.name) == bool(options.invite):
        raise AgileIMError("say the name of a public group, or --invite TOKEN")
    async with quiet_client(options) as client:
        if options.invite:
            joined = await client.api.accept_invite(options.invite, options.message)
        else:
            found = [one async for one in client.api.channels(options.name)]
            channel = _only(options.name, found)
            joined = await client.api.join(channel.id, options.message)
    if output.as_json:
        output.json(joined)
    output.say("you are in ✓" if joined.state == "member" else "asked to join ✓")


def _only(name: str, found: list[Channel]) -> Channel:
    exact = [one for one in found if name in (one.id, one.name)]
    if len(exact or found) != 1:
        raise NotFound("not_found", f"no public group, or several, fit {name!r}: use an id")
    return (exact or found)[0]


async def invite(options: Namespace, output: Output) -> None:
    """Make an invitation."""
    seconds = None if options.hours is None else int(options.hours * 3600)
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        made = await client.api.create_invite(
            conversation.id, expires_in_s=seconds, uses_max=options.uses,
            approval=options.approval,
        )  # fmt: skip
    if output.as_json:
        output.json(made)
    output.say(f"agileim join --invite {made.token}")


async def group(options: Namespace, output: Output) -> None:
    """Change a group, or show what it is."""
    changes: dict[str, Any] = {
        "name": options.rename, "topic": options.topic, "description": options.description,
        "visibility": options.visibility, "joining": options.joining,
        "announcement": _flag(options.announcement),
    }  # fmt: skip
    changes = {name: value for name, value in changes.items() if value is not None}
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        if changes:
            conversation = await client.api.change_conversation(conversation.id, **changes)
    if output.as_json:
        output.json(conversation)
    output.say(f"{conversation.label}: {conversation.topic or 'no topic'}")
    if conversation.description:
        output.say(conversation.description)
    who = "owner and admins write" if conversation.announcement else "all write"
    output.say(f"{conversation.visibility}, {conversation.joining}, {who}")


async def requests(options: Namespace, output: Output) -> None:
    """Show or answer those who ask to join."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        for name, accept in ((options.accept, True), (options.refuse, False)):
            if name is not None:
                user = await user_named(client.api, name)
                await client.api.answer_join_request(conversation.id, user.id, accept=accept)
                output.say(f"{user.label} {'is in' if accept else 'is not let in'} ✓")
        async for one in client.api.join_requests(conversation.id):
            if output.as_json:
                output.json(one)
            output.say(f"@{one.user.handle}  {one.user.label}  {one.message}")


async def ban(options: Namespace, output: Output) -> None:
    """Ban somebody, or let them come back."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        user = await user_named(client.api, options.user)
        change = client.api.unban if options.remove else client.api.ban
        await change(conversation.id, user.id)
    output.say(f"{user.label} {'may come back' if options.remove else 'is banned'} ✓")


async def silence(options: Namespace, output: Output) -> None:
    """Silence a member, or let them write again."""
    until = datetime.now(UTC) + timedelta(minutes=options.minutes)
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        user = await user_named(client.api, options.user)
        await client.api.silence(conversation.id, user.id, None if options.remove else until)
    output.say(f"{user.label} {'may write again' if options.remove else 'is silenced'} ✓")


async def settings(options: Namespace, output: Output) -> None:
    """Change one's own settings of a conversation, or show them."""
    changes: dict[str, Any] = {
        "notify": options.notify, "archived": _flag(options.archived),
        "hidden": _flag(options.hidden), "marked_unread": _flag(options.unread),
    }  # fmt: skip
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.mute_hours is not None:
        end = datetime.now(UTC) + timedelta(hours=options.mute_hours)
        changes["muted_until"] = end.isoformat() if options.mute_hours > 0 else None
    if options.pinned is not None:
        changes["pinned"] = 0 if _flag(options.pinned) else None
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        now = conversation.settings
        if changes:
            now = await client.api.change_settings(conversation.id, **changes)
    if output.as_json:
        output.json(now)
    muted = now.muted_until is not None and now.muted_until > datetime.now(UTC)
    flags = [
        word for word, true in (
            ("muted", muted), ("pinned", now.pinned is not None), ("archived", now.archived),
            ("hidden", now.hidden), ("marked unread", now.marked_unread),
            ("has a draft", now.draft is not None),
        ) if true
    ]  # fmt: skip
    output.say(f"{conversation.label}: notify {now.notify}{''.join(', ' + one for one in flags)}")


async def threads(options: Namespace, output: Output) -> None:
    """List followed threads."""
    async with quiet_client(options) as client:
        names = {one.id: one.label async for one in client.api.conversations()}
        async for one in client.api.threads(unread=options.unread):
            if output.as_json:
                output.json(one)
            place = names.get(one.conversation, one.conversation)
            output.say(f"{place}  {one.thread}  {one.replies} replies, {one.unread} unread")


async def forward(options: Namespace, output: Output) -> None:
    """Forward messages."""
    async with quiet_client(options) as client:
        source = await conversation_named(client.api, options.name)
        target = await conversation_named(client.api, options.to)
        sent = await client.api.forward(source.id, options.seqs, target.id)
    if output.as_json:
        for one in sent:
            output.json(one)
    output.say(f"forwarded {len(sent)} ✓ to {target.label}")


async def receipts(options: Namespace, output: Output) -> None:
    """Show who has got and read a message."""
    async with quiet_client(options) as client:
        conversation = await conversation_named(client.api, options.name)
        found = await client.api.receipts(conversation.id, options.seq)
        users = await client.api.users([one.user for one in found.members or []])
    if output.as_json:
        output.json(found)
    output.say(f"delivered to {found.delivered}, read by {found.read}")
    labels = {user.id: user.label for user in users}
    for one in found.members or []:
        at = one.read_at or one.delivered_at
        state = "read" if one.read else "delivered" if one.delivered else "not yet"
        when = f" {at.astimezone():%-d %B %H:%M}" if at else ""
        output.say(f"{labels.get(one.user, one.user)}: {state}{when}")


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "yes"
