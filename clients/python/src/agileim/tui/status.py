"""The lines around the messages: title, connection, typing. Pure text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rich.text import Text

from agileim.events import ConnectionState, Presence
from agileim.models import Conversation
from agileim.people import People
from agileim.printable import printable


@dataclass
class Status:
    """What is known beside the messages."""

    conversation: Conversation
    people: People
    me: str
    connection: ConnectionState = field(default_factory=lambda: ConnectionState("connecting"))
    waiting_until: float = 0.0
    online: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)  # of those
    last_seen: dict[str, datetime] = field(default_factory=dict)
    typing: set[str] = field(default_factory=set)

    def presence(self, presence: Presence) -> None:
        """Somebody came or went."""
        self.away.discard(presence.user)
        if presence.online:
            self.online.add(presence.user)
            if presence.away:
                self.away.add(presence.user)
        else:
            self.online.discard(presence.user)
            if presence.last_seen is not None:
                self.last_seen[presence.user] = presence.last_seen

    def title(self) -> Text:
        """Name and presence."""
        text = Text(printable(self.conversation.label), style="bold")
        peer = self.conversation.peer
        others = self.online - {self.me}
        if peer is None:
            text.append(f"  {self.conversation.member_count} members", style="dim")
            if others:
                text.append(f"  ● {len(others)} online", style="green")
        elif peer.id in others & self.away:
            text.append("  ◐ away", style="yellow")
        elif peer.id in others:
            text.append("  ● online", style="green")
        elif peer.id in self.last_seen:
            seen = self.last_seen[peer.id].astimezone()
            text.append(f"  ○ last seen {seen:%-d %b %H:%M}", style="dim")
        else:
            text.append("  ○ offline", style="dim")
        return text

    def connection_line(self, now: float) -> str:
        """The connection bar; empty while connected."""
        state = self.connection
        match state.state:
            case "connected":
                return ""
            case "connecting":
                return "connecting…"
            case "closed":
                return f"disconnected: {state.reason}"
            case _:
                left_s = max(0, round(self.waiting_until - now))
                return f"{state.reason}: reconnecting in {left_s} s…"

    def typing_line(self) -> str:
        """Who types."""
        names = sorted(printable(self.people.name(user)) for user in self.typing)
        match names:
            case []:
                return ""
            case [one]:
                return f"{one} is typing…"
            case [one, two]:
                return f"{one} and {two} are typing…"
            case _:
                return "several people are typing…"
