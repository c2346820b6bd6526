"""The input: Enter sends, Ctrl+J (or Shift+Enter, where the terminal tells them apart) breaks."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea


class Composer(TextArea):
    """A few lines of text."""

    class Submitted(Message):
        """The text is to be sent."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Typed(Message):
        """A key was pressed; `empty`: nothing is left to send."""

        def __init__(self, empty: bool) -> None:
            super().__init__()
            self.empty = empty

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            text = self.text.strip("\n ")
            if text:
                self.clear()
                self.post_message(self.Submitted(text))
            return
        if event.key in ("ctrl+j", "shift+enter", "alt+enter"):
            event.prevent_default()
            event.stop()
            self.insert("\n")
            return
        if event.key in ("pageup", "pagedown"):
            return  # the message list's
        await super()._on_key(event)

    def on_text_area_changed(self) -> None:
        """Tell the app that somebody types."""
        self.post_message(self.Typed(not self.text))
