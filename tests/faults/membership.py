"""Who was entitled to which events, worked out from the log itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.faults.history import History, StoredEvent


@dataclass(frozen=True, slots=True)
class Interval:
    """Entitled to ``first ≤ seq ≤ last``; ``last`` None: still a member."""

    first: int
    last: int | None = None

    def __contains__(self, seq: int) -> bool:
        return self.first <= seq and (self.last is None or seq <= self.last)


Intervals = dict[tuple[str, str], list[Interval]]  # (conversation, user) → in order


def by_conversation(stored: Iterable[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """The log of each conversation, in order of seq."""
    logs: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in stored:
        logs[event.conversation].append(event)
    for log in logs.values():
        log.sort(key=lambda event: event.seq)
    return dict(logs)


def intervals(history: History) -> Intervals:
    """Everybody's times of membership in every conversation."""
    found: Intervals = defaultdict(list)
    for conversation, users in history.founders.items():
        for user in users:
            found[conversation, user].append(Interval(1))
    for conversation, log in by_conversation(history.stored).items():
        for event in log:
            for user in event.joined:
                _join(found[conversation, user], event.seq)
            for user in event.left:
                _leave(found[conversation, user], event.seq)
    return dict(found)


def _join(spells: list[Interval], seq: int) -> None:
    if not spells or spells[-1].last is not None:
        spells.append(Interval(seq))


def _leave(spells: list[Interval], seq: int) -> None:
    if spells and spells[-1].last is None:
        spells[-1] = Interval(spells[-1].first, seq)
