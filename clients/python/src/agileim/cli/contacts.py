"""``people``, ``contacts``, ``contact``, ``block``, ``profile``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from agileim.cli.naming import user_named
from agileim.cli.output import Output
from agileim.cli.talk import quiet_client
from agileim.models import User
from agileim.people_models import Me

Run = Callable[[Namespace, Output], Awaitable[None]]
Command = Callable[[str, Run, str], ArgumentParser]


def add_commands(command: Command) -> None:
    """The commands of this module."""
    one = command("people", people, "find people")
    one.add_argument("words", nargs="+", metavar="WORD", help="parts of names, a handle, a number")
    one.add_argument("--limit", type=int, default=20, help="how many (20)")
    one = command("contacts", contacts, "the people you know, and requests")
    one.add_argument("--requests", choices=("in", "out"), help="requests you got, or made")
    one = command("contact", contact, "ask, accept, refuse, remove a contact; note a name")
    one.add_argument("name", metavar="USER")
    deed = one.add_mutually_exclusive_group()
    deed.add_argument("--ask", metavar="TEXT", nargs="?", const="", help="ask, with a text")
    for flag in ("accept", "refuse", "remove"):
        deed.add_argument(f"--{flag}", action="store_true")
    deed.add_argument("--note", metavar="TEXT", help="what you call them, for yourself")
    one = command("block", block, "want nothing of somebody; without USER: list")
    one.add_argument("name", metavar="USER", nargs="?")
    one.add_argument("--remove", action="store_true", help="take it back")
    one = command("profile", profile, "show or change your profile; show somebody's")
    one.add_argument("name", metavar="USER", nargs="?")
    one.add_argument("--display-name", metavar="TEXT")
    one.add_argument("--status", metavar="TEXT", help="what you are up to; empty: nothing")
    one.add_argument("--emoji", metavar="EMOJI", default="", help="with --status")
    one.add_argument("--for-hours", type=float, help="with --status: how long")
    one.add_argument("--time-zone", metavar="ZONE")
    one.add_argument("--language", metavar="TAG")
    one.add_argument("--phone", metavar="NUMBER")
    for name, whom in (
        ("presence", ("everyone", "contacts", "nobody")),
        ("messages", ("everyone", "contacts")),
        ("groups", ("everyone", "contacts")),
    ):
        one.add_argument(f"--{name}", choices=whom, help="who may see or reach you")
    for name in ("name", "email", "phone"):
        one.add_argument(f"--find-by-{name}", choices=("yes", "no"))


async def people(options: Namespace, output: Output) -> None:
    """Find people."""
    async with quiet_client(options) as client:
        for user in await client.api.find_people(" ".join(options.words), limit=options.limit):
            _user(output, user)


async def contacts(options: Namespace, output: Output) -> None:
    """List contacts, or requests."""
    async with quiet_client(options) as client:
        if options.requests:
            async for request in client.api.contact_requests(options.requests):
                _user(output, request.user, request.text, request)
            return
        async for known in client.api.contacts():
            _user(output, known.user, known.note, known)


async def contact(options: Namespace, output: Output) -> None:
    """What somebody is to you, and a change of it."""
    async with quiet_client(options) as client:
        api = client.api
        user = await user_named(api, options.name)
        if options.ask is not None:
            await api.ask_contact(user.id, options.ask)
        elif options.accept:
            await api.accept_contact(user.id)
        elif options.refuse:
            await api.refuse_contact(user.id)
        elif options.remove:
            await api.remove_contact(user.id)
        elif options.note is not None:
            await api.note_contact(user.id, options.note)
        relation = await api.contact(user.id)
    if output.as_json:
        output.json(relation)
    words = {
        "none": "is no contact of yours",
        "asked": "has not answered your request",
        "asks": "asks to become your contact",
        "contact": "is your contact",
    }
    note = f" ({relation.note})" if relation.note else ""
    text = f": {relation.text}" if relation.text else ""
    output.say(f"@{user.handle}{note} {words.get(relation.state, relation.state)}{text}")
    if relation.blocked:
        output.say(f"You have blocked @{user.handle}.")


async def block(options: Namespace, output: Output) -> None:
    """Block, unblock, or list."""
    async with quiet_client(options) as client:
        if options.name is None:
            async for one in client.api.blocks():
                _user(output, one.user, "", one)
            return
        user = await user_named(client.api, options.name)
        change = client.api.unblock if options.remove else client.api.block
        await change(user.id)
    if output.as_json:
        output.json({"user": user.id, "blocked": not options.remove})
    done = "can reach you again" if options.remove else "is blocked, and is not told"
    output.say(f"@{user.handle} {done}.")


async def profile(options: Namespace, output: Output) -> None:
    """Show or change a profile."""
    async with quiet_client(options) as client:
        if options.name is not None:
            user = await user_named(client.api, options.name)
            shown = await client.api.profile(user.id)
        elif changes := _changes(options):
            shown = await client.api.change_me(**changes)
        else:
            shown = await client.api.own_profile()
    if output.as_json:
        output.json(shown)
        return
    output.say(f"{shown.label} @{shown.handle}")
    if shown.status is not None:
        until = f" (until {shown.status.until.astimezone():%-d %b %H:%M})" if (
            shown.status.until
        ) else ""  # fmt: skip
        output.say(f"{shown.status.emoji} {shown.status.text}{until}".strip())
    for value in (shown.time_zone, shown.language, getattr(shown, "phone", "")):
        if value:
            output.say(value)
    if shown.last_seen_at is not None:
        output.say(f"last seen {shown.last_seen_at.astimezone():%-d %b %H:%M}")
    if isinstance(shown, Me):
        privacy = shown.privacy
        output.say(
            f"presence: {privacy.presence}, messages: {privacy.messages}, groups: {privacy.groups}"
        )


def _changes(options: Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: value
        for name in ("display_name", "time_zone", "language", "phone")
        if (value := getattr(options, name)) is not None
    }
    if options.status is not None:
        until = None
        if options.for_hours is not None:
            until = datetime.now(UTC) + timedelta(hours=options.for_hours)
        changes["status"] = {"text": options.status, "emoji": options.emoji, "until": until}
    privacy = {
        name: value
        for name in ("presence", "messages", "groups")
        if (value := getattr(options, name)) is not None
    } | {
        name: value == "yes"
        for name in ("find_by_name", "find_by_email", "find_by_phone")
        if (value := getattr(options, name)) is not None
    }
    return changes | ({"privacy": privacy} if privacy else {})


def _user(output: Output, user: User, more: str = "", value: object = None) -> None:
    if output.as_json:
        output.json(user if value is None else value)
    output.say(f"@{user.handle}  {user.label}" + (f"  {more}" if more else ""))
