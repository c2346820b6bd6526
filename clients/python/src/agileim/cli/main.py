"""The command line: ``agileim COMMAND``. Exit codes:

0 done, 1 refused or failed, 2 wrong usage, 3 not signed in, 4 no answer from the server,
5 not found, 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

import agileim
from agileim.cli import account, bots, contacts, files, groups, operators, talk
from agileim.cli.account import note
from agileim.cli.output import Output
from agileim.errors import AgileIMError, NotFound, Refused, SignedOut, SignInError, Unreachable
from agileim.profiles import DEFAULT_PROFILE

Command = Callable[[argparse.Namespace, Output], Awaitable[None]]

FAILED, NOT_SIGNED_IN, NO_ANSWER, NOT_FOUND, INTERRUPTED = 1, 3, 4, 5, 130


def parser() -> argparse.ArgumentParser:
    """The options. The common ones may stand before or after the command."""
    common = argparse.ArgumentParser(add_help=False)
    late = argparse.ArgumentParser(add_help=False)
    for one, missing in ((common, None), (late, argparse.SUPPRESS)):
        profile = DEFAULT_PROFILE if missing is None else missing
        one.add_argument("--profile", default=profile, help="which sign-in to use")
        one.add_argument("--url", default=missing, help=f"the server ({account.DEFAULT_URL})")
        as_json = False if missing is None else missing
        one.add_argument("--json", action="store_true", default=as_json, help="for scripts")
    top = argparse.ArgumentParser(
        prog="agileim",
        parents=[common],
        description="Chat in the terminal. NAME is a user's handle, a group's name, or an id.",
        epilog="`agileim admin` and `agileim doctor` are for who runs the server.",
    )
    top.add_argument("--version", action="version", version=agileim.__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[late], help=text, description=text)
        made.set_defaults(run=run)
        return made

    for name, text in (("register", "make an account"), ("login", "sign in")):
        one = command(name, account.login, text)
        one.add_argument("--no-browser", action="store_true", help="show a code to enter elsewhere")
    command("logout", account.logout, "sign out")
    command("whoami", account.whoami, "show who is signed in")
    bots.add(command("bot", bots.list_bots, "your bots: programs that chat as themselves"), late)
    command("chats", talk.chats, "list conversations")
    command("chat", talk.chat, "chat, full screen").add_argument("name", metavar="NAME")
    one = command("send", talk.send, "send a message")
    one.add_argument("name", metavar="NAME")
    one.add_argument("text", nargs="*", help="the text, or - for standard input")
    one.add_argument("--file", type=Path, action="append", default=[], metavar="PATH")
    one.add_argument("--id", help="the message's own id: the same one again never sends twice")
    one.add_argument("--reply-to", type=int, metavar="SEQ", help="the message that this answers")
    one.add_argument("--thread", type=int, metavar="SEQ", help="the message that its thread is on")
    for name, run, text in (
        ("edit", talk.edit, "give an own message another text"),
        ("recall", talk.recall, "take a message's text away"),
    ):
        one = command(name, run, text)
        one.add_argument("name", metavar="NAME")
        one.add_argument("seq", type=int, metavar="SEQ", help="see `history --json`")
        if name == "edit":
            one.add_argument("text", nargs="+", help="the new text")
    for name, run, text in (
        ("react", talk.react, "react to a message"),
        ("pin", talk.pin, "pin a message for all"),
    ):
        one = command(name, run, text)
        one.add_argument("name", metavar="NAME")
        one.add_argument("seq", type=int, metavar="SEQ", help="see `history --json`")
        if name == "react":
            one.add_argument("emoji", metavar="EMOJI")
        one.add_argument("--remove", action="store_true", help="take it back")
    one = command("tail", talk.tail, "print what happens, from where the last tail stopped")
    one.add_argument("--all", action="store_true", help="the first time: all history too")
    one.add_argument("--count", type=int, default=0, help="stop after this many messages")
    one.add_argument("--states", action="store_true", help="with --json: receipts, typing, … too")
    one = command("history", talk.history, "print a conversation")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--limit", type=int, default=50, help="how many events (50)")
    command("members", talk.members, "list members").add_argument("name", metavar="NAME")
    one = command("new-group", talk.new_group, "create a group")
    one.add_argument("name", metavar="NAME")
    one.add_argument("members", nargs="*", metavar="MEMBER", help="handles")
    groups.add_commands(command)
    files.add_commands(command)
    contacts.add_commands(command)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in operators.COMMANDS:
        return operators.run(given)
    options = parser().parse_args(given)
    # The log is for programs that embed the SDK; here errors are shown as sentences.
    logging.getLogger("agileim").addHandler(logging.NullHandler())
    logging.getLogger("agileim").propagate = False
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # JSON is UTF-8; for people an odd character is better than none.
            stream.reconfigure(encoding="utf-8" if options.json else None, errors="replace")
    try:
        asyncio.run(options.run(options, Output(as_json=options.json)))
    except AgileIMError as error:
        return _fail(error, options)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return 0


def _fail(error: AgileIMError, options: argparse.Namespace) -> int:
    code = _exit_code(error)
    if options.json:
        kind = error.code if isinstance(error, Refused) else type(error).__name__
        line = {"error": kind, "message": str(error)}
        note(msgspec.json.encode(line).decode())
    else:
        note(f"agileim: {error}")
    if isinstance(error, SignedOut):
        profile = "" if options.profile == DEFAULT_PROFILE else f" --profile {options.profile}"
        if not options.json:
            note(f"Sign in: agileim{profile} login")
    elif isinstance(error, Unreachable) and not options.json:
        note("Is the server running, and the address right (--url)?")
    return code


def _exit_code(error: AgileIMError) -> int:
    match error:
        case SignedOut():
            return NOT_SIGNED_IN
        case Unreachable():
            return NO_ANSWER
        case NotFound():
            return NOT_FOUND
        case SignInError():
            return NOT_SIGNED_IN
        case _:
            return FAILED


if __name__ == "__main__":
    sys.exit(main())
