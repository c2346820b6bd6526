"""Messages as they are now, though their history is loaded backwards, a page at a time.

Pure. Each message knows up to which event the server has told it; later events change it, earlier
ones have been counted.
"""

from __future__ import annotations

from agileim import events as ev
from agileim.models import MessagePage, PresentMessage
from agileim.transcript import Transcript

# Shown with the message that they are about, not as lines of their own.
CHANGES = (
    ev.MessageEdited,
    ev.MessageRecalled,
    ev.ReactionAdded,
    ev.ReactionRemoved,
    ev.MessagePinned,
    ev.MessageUnpinned,
)


class Present:
    """The messages of one conversation by seq. `me` is the user's id."""

    def __init__(self, me: str) -> None:
        self._transcript = Transcript(me)
        self._as_of: dict[int, int] = {}

    @property
    def outdated(self) -> list[int]:
        """Messages whose text has to be asked for."""
        return sorted(self._transcript.outdated)

    def get(self, seq: int | None) -> PresentMessage | None:
        """A message, if it is known."""
        return self._transcript.messages.get(seq) if seq is not None else None

    def take(self, page: MessagePage) -> set[int]:
        """Messages as the server has them; which ones are newer than what was known."""
        newer = [
            one
            for one in page.messages
            if self._as_of.get(one.seq, 0) <= page.head_seq
        ]  # fmt: skip
        self._transcript.replace(newer)
        self._as_of |= dict.fromkeys((one.seq for one in newer), page.head_seq)
        return {one.seq for one in newer}

    def apply(self, event: ev.LogEvent) -> set[int]:
        """Take an event of the log; the messages that it has changed."""
        about = {event.seq, event.thread} if isinstance(event, ev.Message) else {
            getattr(event, "target", None)
        }  # fmt: skip
        messages = self._transcript.messages
        # What the server has told after this event contains it.
        told = {
            seq: messages[seq]
            for seq in about
            if seq in messages and (seq == event.seq or self._as_of.get(seq, 0) >= event.seq)
        }
        if about <= told.keys() | {None}:
            return set()
        outdated = set(self._transcript.outdated)
        self._transcript.apply(event)
        messages |= told
        self._transcript.outdated -= told.keys() - outdated
        return {seq for seq in about if seq in messages and seq not in told}

    def forget(self, seq: int) -> None:
        """A message that is no longer shown."""
        self._transcript.messages.pop(seq, None)
        self._transcript.outdated.discard(seq)
        self._as_of.pop(seq, None)
