"""What the chat shows of one conversation: its log, own messages on their way, who has read what.

Pure: knows nothing of widgets or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from agileim.events import LogEvent, Message, Receipt
from agileim.models import Member
from agileim.tui.present import CHANGES, Present

State = Literal["", "sending", "failed", "sent", "delivered", "read"]

TOGETHER = timedelta(minutes=5)  # messages of one sender within this time share a heading


@dataclass
class Outgoing:
    """An own message without an answer so far."""

    msg_id: str
    text: str
    time: datetime
    failed: str = ""  # why, in words


@dataclass
class Thread:
    """Events by seq, the oldest first. `me` is the user's id."""

    me: str
    events: dict[int, LogEvent] = field(default_factory=dict)
    outgoing: dict[str, Outgoing] = field(default_factory=dict)
    first_seq: int = 1
    present: Present = field(init=False)
    _delivered: dict[str, int] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.present = Present(self.me)

    @property
    def last_seq(self) -> int:
        """The newest event shown, or 0."""
        return max(self.events, default=0)

    @property
    def lowest_seq(self) -> int:
        """The oldest event shown, or 0."""
        return min(self.events, default=0)

    @property
    def complete(self) -> bool:
        """Whether there is nothing older to load."""
        return bool(self.events) and self.lowest_seq <= self.first_seq

    def add(self, event: LogEvent) -> bool:
        """Take an event; whether it is new. An own message's outgoing copy ends with it."""
        if isinstance(event, Message) and event.mine:
            self.outgoing.pop(event.client_msg_id, None)
        if event.seq in self.events:
            return False
        self.events[event.seq] = event
        return True

    def ordered(self) -> list[LogEvent]:
        """The events that are shown on lines of their own, in order."""
        found = (self.events[seq] for seq in sorted(self.events))
        return [event for event in found if not isinstance(event, CHANGES)]

    def receipt(self, receipt: Receipt) -> bool:
        """Take a receipt; whether it is news of somebody else."""
        return self._marks(receipt.user, receipt.delivered, receipt.read)

    def members(self, members: list[Member]) -> None:
        """Take the members' marks, and forget those of others."""
        self._delivered.clear()
        self._read.clear()
        for member in members:
            self._marks(member.user.id, member.delivered_seq, member.read_seq)

    def state(self, event: LogEvent) -> State:
        """How far an own message got: with everybody else, that is."""
        if not (isinstance(event, Message) and event.mine):
            return ""
        if not self._read:
            return "sent"
        if event.seq <= min(self._read.values()):
            return "read"
        return "delivered" if event.seq <= min(self._delivered.values()) else "sent"

    def _marks(self, user: str, delivered: int, read: int) -> bool:
        if user == self.me:
            return False
        before = (self._delivered.get(user), self._read.get(user))
        self._read[user] = max(read, before[1] or 0)
        # What was read has arrived, whatever the marks say.
        self._delivered[user] = max(delivered, read, before[0] or 0)
        return before != (self._delivered[user], self._read[user])


def heading_needed(event: LogEvent, before: LogEvent | None) -> bool:
    """Whether sender and time stand above this message."""
    return not (
        isinstance(before, Message)
        and before.sender == event.sender
        and event.time - before.time < TOGETHER
        and not new_day(event, before)
    )


def new_day(event: LogEvent, before: LogEvent | None) -> bool:
    """Whether a day separator stands above this event (local time)."""
    return before is None or event.time.astimezone().date() != before.time.astimezone().date()
