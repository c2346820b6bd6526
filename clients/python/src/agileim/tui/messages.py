"""The widgets of the message list: one per event, one per message on its way."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from agileim.events import LogEvent, Message
from agileim.people import People, sentence
from agileim.printable import file_line, printable
from agileim.tui.present import Present
from agileim.tui.thread import Outgoing, State, heading_needed, new_day

MARKS: dict[State, tuple[str, str]] = {
    "": ("", ""),
    "sending": (" sending…", "dim italic"),
    "failed": (" ✗", "bold red"),
    "sent": (" ✓", "dim"),
    "delivered": (" ✓✓", "dim"),
    "read": (" ✓✓", "bold cyan"),
}
# Told apart also without colours, by the name and the order of the lines.
NAME_STYLES = ("yellow", "magenta", "blue", "red", "bright_cyan", "bright_magenta")
QUOTE_CHARS = 60


def name_style(user: str) -> str:
    """The same colour for a user every time."""
    return NAME_STYLES[sum(user.encode()) % len(NAME_STYLES)]


class EventView(Static):
    """One event, with what stands above it: the day, sender and time."""

    def __init__(
        self, event: LogEvent, before: LogEvent | None, people: People, present: Present
    ) -> None:
        super().__init__(classes="mine" if event.mine else "")
        self.event = event
        self._present = present
        self._before = before
        self._people = people
        self._state: State = ""

    def on_mount(self) -> None:
        """Draw once there is a screen."""
        self.redraw()

    def set_state(self, state: State) -> None:
        """Show how far the message got."""
        if state != self._state:
            self._state = state
            self.redraw()

    def set_before(self, before: LogEvent | None) -> None:
        """Another event stands above now."""
        self._before = before
        self.redraw()

    def redraw(self) -> None:
        """Build the text anew."""
        event, text = self.event, Text()
        local = event.time.astimezone()
        if new_day(event, self._before):
            text.append(f"──── {local:%A, %-d %B %Y} ────\n", style="dim")
        if not isinstance(event, Message):
            said = printable(sentence(event, self._people))
            text.append(f"{local:%H:%M}  {said}", style="dim italic")
            self.update(text)
            return
        if heading_needed(event, self._before):
            style = "bold green" if event.mine else f"bold {name_style(event.sender)}"
            name = "You" if event.mine else printable(self._people.name(event.sender))
            text.append(name, style=style).append(f"  {local:%H:%M}\n", style="dim")
        self._say(text, event)
        mark, style = MARKS[self._state]
        text.append(mark, style=style)
        self._append_marks(text, event)
        self.update(text)

    def _say(self, text: Text, event: Message) -> None:
        """The message as it is now, below what it answers."""
        now = self._present.get(event.seq)
        if event.thread is not None:
            text.append("│ ", style="cyan")
        if event.reply_to is not None and not event.recalled:
            text.append(f"↪ {self._quote(event.reply_to)}\n", style="dim")
        if event.forwarded is not None:
            name = printable(self._people.name(event.forwarded.sender))
            text.append(f"⇉ forwarded from {name}\n", style="dim")
        if event.recalled or (now is not None and now.recalled):
            text.append("(recalled)", style="dim italic")
            return
        text.append(printable(event.text if now is None else now.text))
        for index, file in enumerate(event.attachments):
            text.append("\n" if index or event.text else "").append(file_line(file), style="cyan")
        if now is not None and now.version > 1:
            text.append(" (edited)", style="dim")

    def _quote(self, seq: int) -> str:
        """The first words of a message."""
        message = self._present.get(seq)
        if message is None:
            return "an older message"
        words = "(recalled)" if message.recalled else " ".join(printable(message.text).split())
        short = words if len(words) <= QUOTE_CHARS else words[:QUOTE_CHARS] + "…"
        return f"{printable(self._people.name(message.sender))}: {short}"

    def _append_marks(self, text: Text, event: Message) -> None:
        """Reactions, the pin, and the size of its thread, on a line below."""
        now = self._present.get(event.seq)
        if now is None:
            return
        parts = [("📌", "")] if now.pinned else []
        parts += [
            (f"{printable(one.emoji)} {one.count}", "bold" if one.mine else "")
            for one in now.reactions
        ]
        if now.replies:
            parts.append((f"💬 {now.replies} in thread", "cyan"))
        if parts:
            text.append("\n")
        for index, (part, style) in enumerate(parts):
            text.append("  " if index else "", style="").append(part, style=style)


class OutgoingView(Static):
    """An own message without an answer so far."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(classes="mine")
        self.outgoing = outgoing

    def on_mount(self) -> None:
        """Draw once there is a screen."""
        self.redraw()

    def redraw(self) -> None:
        """Build the text anew."""
        outgoing = self.outgoing
        text = Text(printable(outgoing.text))
        mark, style = MARKS["failed" if outgoing.failed else "sending"]
        text.append(mark, style=style)
        if outgoing.failed:
            text.append(f" not sent: {outgoing.failed} (Ctrl+R sends it again)", style="red")
        self.update(text)


class MessageList(VerticalScroll):
    """Scrolls; knows whether its end is in view."""

    can_focus = True

    @property
    def at_end(self) -> bool:
        """Whether the newest message is in view."""
        return self.scroll_offset.y >= self.max_scroll_y - 1
