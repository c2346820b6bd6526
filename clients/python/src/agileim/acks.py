"""Acknowledging events: one cumulative `ack` for several. Pure.

After 32 events, or 500 ms after the first of them; where 8 have come by then, a busy room, after
2 s at the latest.
"""

from __future__ import annotations

ACK_EVENTS = 32
ACK_AFTER_S = 0.5
BUSY_EVENTS = 8
BUSY_ACK_AFTER_S = 2.0


class AckWindow:
    """Counts the event frames of one connection."""

    def __init__(self) -> None:
        self._received = 0
        self._acked = 0
        self._first_at = 0.0  # of those not acknowledged
        self.due_at: float | None = None

    def received(self, now: float) -> None:
        """One event frame was taken care of."""
        self._received += 1
        waiting = self._received - self._acked
        if waiting >= ACK_EVENTS:
            self.due_at = now
        elif waiting == 1:
            self._first_at = now
            self.due_at = now + ACK_AFTER_S
        elif waiting == BUSY_EVENTS:
            self.due_at = self._first_at + BUSY_ACK_AFTER_S

    def due(self, now: float) -> int | None:
        """The number to acknowledge now, if it is time."""
        if self.due_at is None or self.due_at > now:
            return None
        self.due_at = None
        self._acked = self._received
        return self._acked
