"""One conversation's log on this device: puts events in order, drops repeats, shows gaps.

Pure: no input or output, no clock. Sources of events are the socket (live, at least once), the
answers to own sends, and ranges fetched over REST; heads come from sync and heartbeats.
"""

from __future__ import annotations

from typing import NamedTuple

from agileim.frames import Event

BUFFER_MAX = 128  # events held above a gap; what does not fit is fetched later


class Range(NamedTuple):
    """Seqs ``after + 1 … upto``."""

    after: int
    upto: int


class ConversationLog:
    """`position` is the last seq handed on (None until known), `head` the highest one heard of."""

    __slots__ = ("_buffer", "_buffer_max", "head", "position")

    def __init__(
        self, position: int | None = None, head: int = 0, *, buffer_max: int = BUFFER_MAX
    ) -> None:
        self.position = position
        self.head = max(head, position or 0)
        self._buffer: dict[int, Event] = {}
        self._buffer_max = buffer_max

    @property
    def buffered(self) -> int:
        """Events held back."""
        return len(self._buffer)

    @property
    def ready(self) -> bool:
        """Whether the next event in order is at hand."""
        return self.position is not None and self.position + 1 in self._buffer

    @property
    def behind(self) -> bool:
        """Whether events are known that were not handed on."""
        return self.position is None or self.head > self.position

    def offer(self, event: Event, room: int) -> list[Event]:
        """Take one event; up to `room` events that are now in order."""
        self.head = max(self.head, event.seq)
        position = self.position
        if position is not None and event.seq <= position:
            return []
        if position is not None and event.seq == position + 1 and room > 0 and not self._buffer:
            self.position = event.seq
            return [event]
        self._hold(event)
        return self.drain(room)

    def drain(self, room: int) -> list[Event]:
        """Hand on up to `room` buffered events that are in order."""
        ready: list[Event] = []
        while self.position is not None and len(ready) < room:
            event = self._buffer.pop(self.position + 1, None)
            if event is None:
                break
            self.position = event.seq
            ready.append(event)
        return ready

    def fetched(self, events: list[Event], first_seq: int, room: int) -> list[Event]:
        """Take a range asked for after `position`; up to `room` events that are now in order.

        What the server left out of the range is not for this user, and no gap.
        """
        if self.position is None:
            return []
        ready: list[Event] = []
        for event in events:
            if event.seq <= self.position:
                continue
            if len(ready) >= room:
                self.head = max(self.head, event.seq)
                break
            self.position = event.seq
            ready.append(event)
        else:
            self.position = max(self.position, first_seq - 1)
        self.head = max(self.head, self.position)
        self._discard()
        return ready + self.drain(room - len(ready))

    def place(self, position: int) -> None:
        """Set where to go on from; what is buffered at or below it is dropped."""
        self.position = position
        self.head = max(self.head, position)
        self._discard()

    def reset(self, position: int) -> None:
        """Start again at `position`: the server's log is another one than before."""
        self.position = self.head = position
        self._buffer.clear()

    def raise_head(self, seq: int) -> None:
        """Seq `seq` exists."""
        self.head = max(self.head, seq)

    def lowest_held(self) -> int | None:
        """The lowest seq in the buffer."""
        return min(self._buffer, default=None)

    def missing(self) -> Range | None:
        """The first range that has to be fetched before anything can be handed on."""
        if self.position is None or self.head <= self.position or self.ready:
            return None
        held = self.lowest_held()
        return Range(self.position, self.head if held is None else held - 1)

    def _hold(self, event: Event) -> None:
        if len(self._buffer) >= self._buffer_max and event.seq not in self._buffer:
            highest = max(self._buffer)
            if event.seq > highest:
                return
            del self._buffer[highest]
        self._buffer[event.seq] = event

    def _discard(self) -> None:
        position = self.position or 0
        for seq in [seq for seq in self._buffer if seq <= position]:
            del self._buffer[seq]
