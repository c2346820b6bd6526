"""Printing: for people with rich, for scripts (``--json``) one JSON object per line."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agileim.events import LogEvent, Message
from agileim.models import Conversation, Member
from agileim.people import People, sentence
from agileim.printable import file_line, printable


class Output:
    """Standard output in the form that the user asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    def json(self, value: object) -> None:
        """One object on a line of its own, at once."""
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """A remark for people; nothing with ``--json``."""
        if not self.as_json:
            self._console.print(Text(text))

    def print(self, text: Text) -> None:
        """Text with styles, for people."""
        self._console.print(text)

    def chats(self, conversations: Iterable[Conversation]) -> None:
        """A table of conversations."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("name")
        table.add_column("unread", justify="right")
        table.add_column("messages", justify="right")
        table.add_column("kind")
        for one in conversations:
            name = Text(one.label, style="bold" if one.unread else "")
            if one.peer is not None:
                name.append(f" @{one.peer.handle}", style="dim")
            kind = "direct" if one.kind == "direct" else f"group of {one.member_count}"
            table.add_row(name, str(one.unread or ""), str(one.number), kind)
        self._console.print(table)

    def members(self, members: Iterable[Member]) -> None:
        """A table of members."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("handle", "name", "role"):
            table.add_column(title)
        for member in members:
            user = member.user
            table.add_row(Text(f"@{user.handle}"), Text(user.display_name), member.role)
        self._console.print(table)

    def day(self, day: datetime) -> None:
        """A line between the days."""
        self._console.print(Text(f"── {day:%A, %-d %B %Y} ──", style="dim"))

    def event(self, event: LogEvent, people: People, *, chat: str = "") -> None:
        """An event on one line (a message's own lines are kept, indented)."""
        line = Text(f"{event.time.astimezone():%H:%M} ", style="dim")
        if chat:
            line.append(f"[{chat}] ", style="cyan")
        if isinstance(event, Message):
            line.append(people.name(event.sender), style="bold green" if event.mine else "bold")
            line.append(": " + printable(event.text).replace("\n", "\n    "), style="")
            for file in event.attachments:
                line.append(f"\n    {file_line(file)}", style="dim")
        else:
            line.append(printable(sentence(event, people)), style="italic dim")
        self._console.print(line)
