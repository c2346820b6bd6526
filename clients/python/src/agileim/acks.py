"""Acknowledging events: one cumulative `ack` per 32 events or 500 ms. Pure."""

from __future__ import annotations

ACK_EVENTS = 32
ACK_AFTER_S = 0.5


class AckWindow:
    """Counts the event frames of one connection."""

    def __init__(self) -> None:
        self._received = 0
        self._acked = 0
        self.due_at: float | None = None

    def received(self, now: float) -> None:
        """One event frame was taken care of."""
        self._received += 1
        if self._received - self._acked >= ACK_EVENTS:
            self.due_at = now
        elif self.due_at is None:
            self.due_at = now + ACK_AFTER_S

    def due(self, now: float) -> int | None:
        """The number to acknowledge now, if it is time."""
        if self.due_at is None or self.due_at > now:
            return None
        self.due_at = None
        self._acked = self._received
        return self._acked
