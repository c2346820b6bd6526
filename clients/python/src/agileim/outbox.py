"""Messages that wait for their `sent`: the same id on every try, oldest first.

Pure: times are seconds of any monotonic clock, given in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agileim import frames

IN_FLIGHT_MAX = 32  # unanswered sends of a connection; the gateway refuses above 64
ANSWER_TIMEOUT_S = 20.0  # the gateway answers within about 8 s; later the answer is lost
RETRY_CODES = frozenset({"unavailable", "rate_limited"})
RETRY_BASE_S = 0.25
RETRY_CAP_S = 8.0


@dataclass
class Pending:
    """A message on its way. `tries` counts how often it was written to a socket."""

    id: str
    conversation: str
    body: dict[str, Any]
    not_before: float = 0.0
    written_at: float | None = None  # on the present connection
    tries: int = 0
    refusals: int = 0


class Outbox:
    """Keeps messages in order of their first `add`; who adds bounds their number."""

    def __init__(self, *, rng: Callable[[], float]) -> None:
        self._rng = rng
        self._pending: dict[str, Pending] = {}
        self._in_flight = 0
        self._paused_until = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    def get(self, msg_id: str) -> Pending | None:
        """The message with this id, if it still waits."""
        return self._pending.get(msg_id)

    def add(self, msg_id: str, conversation: str, body: dict[str, Any]) -> None:
        """A new message to send."""
        self._pending[msg_id] = Pending(msg_id, conversation, body)

    def drop(self, msg_id: str) -> Pending | None:
        """Answered, or nobody waits for it any more."""
        pending = self._pending.pop(msg_id, None)
        if pending is not None and pending.written_at is not None:
            self._in_flight -= 1
        return pending

    def due(self, now: float) -> list[frames.Send]:
        """What to write now, at most the window."""
        sends: list[frames.Send] = []
        if now < self._paused_until:
            return sends
        for pending in self._pending.values():
            if pending.written_at is not None:
                if now - pending.written_at < ANSWER_TIMEOUT_S:
                    continue
                self._in_flight -= 1
                pending.written_at = None
            if self._in_flight >= IN_FLIGHT_MAX:
                break
            if pending.not_before > now:
                continue
            pending.written_at = now
            pending.tries += 1
            self._in_flight += 1
            sends.append(frames.Send(pending.id, pending.conversation, pending.body))
        return sends

    def refused(self, frame: frames.Refused, now: float) -> Pending | None:
        """A refusal: the message if that is final, None if it will be tried again."""
        pending = self._pending.get(frame.id)
        if pending is None:
            return None
        if frame.code not in RETRY_CODES:
            return self.drop(frame.id)
        if pending.written_at is not None:
            self._in_flight -= 1
            pending.written_at = None
        bound = min(RETRY_CAP_S, RETRY_BASE_S * 2.0 ** min(pending.refusals, 16))
        pending.refusals += 1
        pending.not_before = now + frame.retry_after_ms / 1000 + self._rng() * bound
        if frame.code == "rate_limited":
            # All would be refused: hold the others back too.
            self._paused_until = max(self._paused_until, now + frame.retry_after_ms / 1000)
        return None

    def disconnected(self) -> None:
        """The answers of this connection will not come: everything is due again."""
        for pending in self._pending.values():
            pending.written_at = None
        self._in_flight = 0

    def next_at(self) -> float | None:
        """When `due` will have something new to say; None: not by the passing of time."""
        times = [
            p.not_before if p.written_at is None else p.written_at + ANSWER_TIMEOUT_S
            for p in self._pending.values()
            if p.written_at is not None or self._in_flight < IN_FLIGHT_MAX
        ]
        return max(min(times), self._paused_until) if times else None
