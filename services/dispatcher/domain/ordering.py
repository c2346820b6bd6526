"""Each conversation's events in the order of their seq, once each.

Two api replicas may commit seq 5 and 6 and write them to the stream as 6, 5; a relay or a new
owner may present an event again. :class:`Ordering` holds what came too early until the gap is
filled, by the stream or from api, and drops repeats.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from shared.entries import RoutedEvent

CONVERSATIONS_MAX: Final = 200_000  # about 40 MB of bookkeeping
NEVER: Final = float("inf")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gap:
    """Events ``first`` to ``last`` of a conversation that the stream has not brought."""

    conversation: str
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(slots=True)
class Offered(Generic[T]):
    """What became of the events that were offered."""

    ready: list[tuple[RoutedEvent, T]] = field(default_factory=list)  # route them in this order
    repeats: list[T] = field(default_factory=list)  # already seen: nothing to do


class _Log(Generic[T]):
    """What is known of one conversation."""

    __slots__ = ("ask_at", "held", "late", "next", "retracted", "start")

    def __init__(self, start: int) -> None:
        self.start = start  # first seq that this owner has seen in order
        self.next = start
        self.held: dict[int, tuple[RoutedEvent, T]] = {}  # above next
        self.ask_at = NEVER  # when to ask api for what is missing at next
        self.late: set[int] = set()  # below start, routed all the same
        self.retracted: set[int] = set()  # between start and next, but not routed


class Ordering(Generic[T]):
    """The order of one partition's conversations. ``T`` is what travels with each event.

    Of a conversation that is not known (a new owner, or long unused) the lowest seq that is offered
    first counts as the beginning; an older one that comes later is let through late.
    """

    def __init__(self, *, hold_s: float, conversations_max: int = CONVERSATIONS_MAX) -> None:
        self._hold_s = hold_s
        self._max = conversations_max
        self._logs: OrderedDict[str, _Log[T]] = OrderedDict()
        self._gaps: dict[str, _Log[T]] = {}

    def __len__(self) -> int:
        return len(self._logs)

    @property
    def gaps(self) -> int:
        """Conversations that wait for a missing event."""
        return len(self._gaps)

    def offer(self, items: Iterable[tuple[RoutedEvent, T]], now: float) -> Offered[T]:
        """Take events as they come; hand out those whose turn it is. ``now`` in s, any origin."""
        result: Offered[T] = Offered()
        unknown: dict[str, list[tuple[RoutedEvent, T]]] = {}
        logs = self._logs
        for item in items:
            conversation = item[0].conversation
            log = logs.get(conversation)
            if log is None:
                # Wait for the rest of the batch: it may hold an earlier event.
                unknown.setdefault(conversation, []).append(item)
            else:
                logs.move_to_end(conversation)
                self._take(log, item, now, result)
        for conversation, first_items in unknown.items():
            first_items.sort(key=lambda item: item[0].seq)
            log = logs[conversation] = _Log(first_items[0][0].seq)
            for item in first_items:
                self._take(log, item, now, result)
        self._evict()
        return result

    def overdue(self, now: float) -> list[Gap]:
        """The gaps to fetch from api now. Each is named once; see :meth:`ask_again`."""
        found = []
        for conversation, log in self._gaps.items():
            if log.ask_at <= now:
                log.ask_at = NEVER
                found.append(Gap(conversation, log.next, min(log.held) - 1))
        return found

    def ask_again(self, conversation: str, at: float) -> None:
        """api could not be asked: name the gap again at ``at``, if it is still there."""
        if log := self._gaps.get(conversation):
            log.ask_at = at

    def waits(self, gap: Gap) -> bool:
        """Whether events are still held because of this gap."""
        log = self._gaps.get(gap.conversation)
        return log is not None and log.next <= gap.last

    def skip(self, gap: Gap, now: float) -> Offered[T]:
        """Give up on a gap: go on with what is held behind it. Clients notice and fetch."""
        result: Offered[T] = Offered()
        log = self._gaps.get(gap.conversation)
        if log is not None and self.waits(gap):
            log.start = log.next = gap.last + 1
            log.late.clear()
            log.retracted.clear()
            self._release(gap.conversation, log, now, result)
        return result

    def retract(self, conversation: str, seq: int) -> None:
        """An event that was handed out was not routed after all: let it through when it is
        offered again."""
        log = self._logs.get(conversation)
        if log is None:
            return
        if seq < log.start:
            log.late.discard(seq)
        elif seq < log.next:
            log.retracted.add(seq)

    def _take(
        self, log: _Log[T], item: tuple[RoutedEvent, T], now: float, result: Offered[T]
    ) -> None:
        event = item[0]
        seq = event.seq
        if seq == log.next:
            log.next = seq + 1
            result.ready.append(item)
            if log.held:
                self._release(event.conversation, log, now, result)
        elif seq > log.next:
            if seq in log.held:
                result.repeats.append(item[1])
                return
            log.held[seq] = item
            if event.conversation not in self._gaps:
                self._gaps[event.conversation] = log
                log.ask_at = now + self._hold_s
        elif seq in log.retracted:
            log.retracted.discard(seq)
            result.ready.append(item)
        elif seq < log.start and seq not in log.late:
            log.late.add(seq)
            result.ready.append(item)
        else:
            result.repeats.append(item[1])

    def _release(self, conversation: str, log: _Log[T], now: float, result: Offered[T]) -> None:
        """Hand out what was held for the events that have now come."""
        while (item := log.held.pop(log.next, None)) is not None:
            log.next += 1
            result.ready.append(item)
        if log.held:
            log.ask_at = now + self._hold_s  # another gap behind it
        else:
            log.ask_at = NEVER
            self._gaps.pop(conversation, None)

    def _evict(self) -> None:
        """Forget the conversations that were quiet longest; never one that waits."""
        excess = len(self._logs) - self._max
        if excess <= 0:
            return
        quiet = [name for name in self._logs if name not in self._gaps][:excess]
        for conversation in quiet:
            del self._logs[conversation]
