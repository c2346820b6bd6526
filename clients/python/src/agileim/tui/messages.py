"""The widgets of the message list: one per event, one per message on its way."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from agileim.events import LogEvent, Message
from agileim.people import People, sentence
from agileim.printable import printable
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


def name_style(user: str) -> str:
    """The same colour for a user every time."""
    return NAME_STYLES[sum(user.encode()) % len(NAME_STYLES)]


class EventView(Static):
    """One event, with what stands above it: the day, sender and time."""

    def __init__(self, event: LogEvent, before: LogEvent | None, people: People) -> None:
        super().__init__(classes="mine" if event.mine else "")
        self.event = event
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
        text.append(printable(event.text))
        mark, style = MARKS[self._state]
        text.append(mark, style=style)
        self.update(text)


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
