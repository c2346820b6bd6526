"""``bot list|create|new-secret|revoke-secret|end``: one's own bots."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Coroutine

import msgspec

from agileim.cli.output import Output
from agileim.client import Client
from agileim.errors import NotFound
from agileim.models import Bot
from agileim.rest import Api

Command = Callable[[Namespace, Output], Coroutine[None, None, None]]


def add(parser: argparse.ArgumentParser, late: argparse.ArgumentParser) -> None:
    """The verbs of ``bot``; ``late`` has the options that may follow any command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, parents=[late], help=text, description=text)
        made.set_defaults(run=run)
        return made

    verb("list", list_bots, "list your bots")
    one = verb("create", create, "make a bot; shows its secret, once")
    one.add_argument("handle")
    one.add_argument("display_name", nargs="?", help="what others see (the handle)")
    one = verb("new-secret", new_secret, "make another secret; shown once")
    one.add_argument("handle")
    one.add_argument("--overlap", type=int, default=86_400, metavar="S",
                     help="for how long the one of before stays good (86400)")  # fmt: skip
    one = verb("revoke-secret", revoke_secret, "take a secret back at once")
    one.add_argument("handle")
    one.add_argument("secret", help="the secret's id: see `bot list --json`")
    verb("end", end, "end a bot, for good; its messages stay").add_argument("handle")


async def list_bots(options: Namespace, output: Output) -> None:
    """bot list"""
    async with Client.from_profile(options.profile, live=False) as client:
        found = await client.api.bots()
    for bot in found:
        if output.as_json:
            output.json(msgspec.to_builtins(bot))
        output.say(f"@{bot.handle}  {bot.display_name}  {bot.id}  {len(bot.secrets)} secrets")


async def create(options: Namespace, output: Output) -> None:
    """bot create"""
    async with Client.from_profile(options.profile, live=False) as client:
        made = await client.api.create_bot(options.handle, options.display_name or options.handle)
    if output.as_json:
        output.json(msgspec.to_builtins(made))
    output.say(f"@{made.handle} is made. Its program signs in with\n\n  id      {made.id}")
    output.say(f"  secret  {made.secret}\n\nThe secret is not shown again.")


async def new_secret(options: Namespace, output: Output) -> None:
    """bot new-secret"""
    async with Client.from_profile(options.profile, live=False) as client:
        bot = await _bot(client.api, options.handle)
        made = await client.api.new_bot_secret(bot.id, overlap_s=options.overlap)
    if output.as_json:
        output.json(msgspec.to_builtins(made))
    output.say(f"The new secret of @{bot.handle}, shown this once:\n\n  {made.secret}")


async def revoke_secret(options: Namespace, output: Output) -> None:
    """bot revoke-secret"""
    async with Client.from_profile(options.profile, live=False) as client:
        bot = await _bot(client.api, options.handle)
        await client.api.revoke_bot_secret(bot.id, options.secret)
    if output.as_json:
        output.json({"bot": bot.id, "revoked": options.secret})
    output.say("What was signed in with it is signed out.")


async def end(options: Namespace, output: Output) -> None:
    """bot end"""
    async with Client.from_profile(options.profile, live=False) as client:
        bot = await _bot(client.api, options.handle)
        await client.api.end_bot(bot.id)
    if output.as_json:
        output.json({"bot": bot.id, "ended": True})
    output.say(f"@{bot.handle} has ended.")


async def _bot(api: Api, handle: str) -> Bot:
    wanted = handle.removeprefix("@").lower()
    for bot in await api.bots():
        if wanted in (bot.handle, bot.id):
            return bot
    raise NotFound("not_found", f"you have no bot @{wanted}")
