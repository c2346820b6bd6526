"""The tree of commands, ``GROUP VERB``: how a module adds its own.

def add(groups: Groups) -> None:
    group = groups.group("sessions", "where people are signed in")
    one = group.command("list", list_sessions, "list a person's sessions")
    one.add_argument("user")
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from admin.operator import Operator

Run = Callable[[argparse.Namespace, "Operator"], Awaitable[None]]


class Group:
    """The verbs of one noun."""

    def __init__(self, parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
        self._verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self._common = common

    def command(
        self, name: str, run: Run, text: str, *, changes: bool = False, confirm: str = ""
    ) -> argparse.ArgumentParser:
        """A verb. ``changes``: it takes --reason, for the audit. ``confirm``: the question that is
        asked first, unless --yes."""
        made = self._verbs.add_parser(name, parents=[self._common], help=text, description=text)
        made.set_defaults(run=run, confirm=confirm)
        if changes:
            made.add_argument("--reason", default="", help="why, for the audit")
        if confirm:
            made.add_argument("--yes", action="store_true", help="do not ask")
        return made


class Groups:
    """The nouns."""

    def __init__(self, top: argparse.ArgumentParser) -> None:
        self._common = argparse.ArgumentParser(add_help=False)
        self._common.add_argument("--json", action="store_true", help="for scripts")
        self._common.add_argument(
            "--data", default="", metavar="FOLDER", help="the data folder of `make up` (.data)"
        )
        self._nouns = top.add_subparsers(dest="group", required=True, metavar="COMMAND")

    def group(self, name: str, text: str) -> Group:
        """A noun with verbs."""
        parser = self._nouns.add_parser(name, help=text, description=text)
        return Group(parser, self._common)

    def command(self, name: str, run: Run, text: str) -> argparse.ArgumentParser:
        """A command of one word."""
        made = self._nouns.add_parser(name, parents=[self._common], help=text, description=text)
        made.set_defaults(run=run, confirm="")
        return made


def add_page(parser: argparse.ArgumentParser, default: int = 50) -> None:
    """For commands that list: --limit and --after."""
    parser.add_argument("--limit", type=int, default=default, help=f"at most so many ({default})")
    parser.add_argument("--after", default="", help="go on after this one")
