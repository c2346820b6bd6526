"""Read marks on their way to the server: the newest per conversation. Pure."""

from __future__ import annotations

from agileim import frames

FLUSH_EVERY_S = 0.2  # reading a fast room would else cost a frame per message
UNSURE_MAX = 64


class ReadMarks:
    """Marks to write, and those of which a lost connection may have taken the frame with it."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._not_before = 0.0

    def mark(self, conversation: str, seq: int) -> None:
        """Read up to `seq`; never goes back."""
        if seq > max(self._waiting.get(conversation, 0), self._written.get(conversation, 0)):
            self._waiting[conversation] = seq

    def due(self, now: float) -> list[frames.Read]:
        """The frames to write now."""
        if not self._waiting or now < self._not_before:
            return []
        self._not_before = now + FLUSH_EVERY_S
        marks = [frames.Read(c, seq) for c, seq in self._waiting.items()]
        for conversation, seq in self._waiting.items():
            self._written.pop(conversation, None)
            self._written[conversation] = seq
            if len(self._written) > UNSURE_MAX:
                del self._written[next(iter(self._written))]
        self._waiting.clear()
        return marks

    def disconnected(self) -> None:
        """Write the last ones again on the next connection: marks never go back, so it is safe."""
        self._waiting = {**self._written, **self._waiting}
        self._written.clear()
        self._not_before = 0.0

    def next_at(self) -> float | None:
        """When `due` will have something to say."""
        return self._not_before if self._waiting else None
