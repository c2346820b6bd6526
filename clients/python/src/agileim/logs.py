"""All conversations of this device: merging sync with live events, gaps, and the memory bound.

Pure: times are seconds of any monotonic clock, given in. At most `window` events are on their way
to the consumer at a time; what does not fit is not kept but fetched once there is room, so a slow
consumer costs requests and never memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from agileim.frames import Event
from agileim.log import ConversationLog
from agileim.models import Conversation, EventPage, SyncPage

WINDOW = 1_000
FETCH_MAX = 200  # events in one request: the server's page limit
FETCHES_AT_ONCE = 4
GAP_HOLD_S = 0.3  # `sent` overtakes the events of others by about this much: no gap yet
RETRY_BASE_S = 0.5
RETRY_CAP_S = 30.0


class Fetch(NamedTuple):
    """Ask for up to `limit` events after `after_seq`."""

    conversation: str
    after_seq: int
    limit: int


class Position(NamedTuple):
    """How far a conversation was handed out, and its highest seq known then."""

    seq: int
    head: int


@dataclass
class Synced:
    """What one page of a sync changed."""

    events: list[Event] = field(default_factory=list)
    placed: dict[str, int] = field(default_factory=dict)  # new or restarted logs: their position
    heads: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


class Logs:
    """The logs by conversation id.

    `positions` are those of an earlier run; without them (`fresh`) the first sync places each
    log at its head (`start` = "now") or before its first event ("beginning").
    """

    def __init__(
        self,
        positions: Mapping[str, Position] | None = None,
        *,
        fresh: bool = True,
        start: Literal["now", "beginning"] = "now",
        window: int = WINDOW,
        rng: Callable[[], float],
    ) -> None:
        self._logs = {c: ConversationLog(p.seq, p.head) for c, p in (positions or {}).items()}
        self._fresh = fresh
        self._start = start
        self._window = window
        self._rng = rng
        self._out = 0  # handed on, not yet taken by the consumer
        self._reserved: dict[str, int] = {}  # room kept for fetches in flight
        self._behind: dict[str, float] = {c: 0.0 for c, v in self._logs.items() if v.behind}
        self._failures: dict[str, int] = {}
        self._asked: set[str] = set()

    @property
    def room(self) -> int:
        """Events that may still be handed on."""
        return self._window - self._out - sum(self._reserved.values())

    @property
    def unplaced(self) -> bool:
        """Whether there are events of conversations that no sync has shown yet."""
        return bool(self._behind) and bool(self._unplaced())

    def position(self, conversation: str) -> int | None:
        """The last seq handed on."""
        log = self._logs.get(conversation)
        return log.position if log else None

    def live(self, event: Event, now: float) -> list[Event]:
        """Take an event from the socket; what can be handed on now."""
        log = self._logs.get(event.conversation)
        if log is None:
            log = self._logs[event.conversation] = ConversationLog()
        in_order = log.position is not None and event.seq <= log.position + 1
        if not in_order and self._held() >= self._window:
            log.raise_head(event.seq)
            ready = []
        else:
            ready = log.offer(event, self.room)
            self._out += len(ready)
        self._note(event.conversation, log, now + GAP_HOLD_S)
        return ready

    def head(self, conversation: str, seq: int, now: float) -> None:
        """A heartbeat says that `seq` exists."""
        log = self._logs.get(conversation)
        if log is None:
            log = self._logs[conversation] = ConversationLog()
        log.raise_head(seq)
        self._note(conversation, log, now + GAP_HOLD_S)

    def sync_asked(self) -> None:
        """A sync begins: it will show every conversation known by now."""
        self._asked = self._unplaced()

    def synced(self, page: SyncPage, now: float) -> Synced:
        """Merge one page of a sync."""
        result = Synced()
        for conversation in page.conversations:
            if conversation.state == "left":
                self.forget(conversation.id)
                result.left.append(conversation.id)
            else:
                self._sync_one(conversation, page, now, result)
        if not page.more:
            self._fresh = False
            # Known before the sync was asked for and not in it: left in the meantime.
            for name in self._asked & self._unplaced():
                self.forget(name)
            self._asked = set()
        return result

    def fetched(self, conversation: str, page: EventPage, now: float) -> list[Event]:
        """Take the answer to a :class:`Fetch`."""
        reserved = self._reserved.pop(conversation, 0)
        log = self._logs.get(conversation)
        if log is None:
            return []
        before = log.position
        log.raise_head(page.head_seq)
        ready = log.fetched(page.events, page.first_seq, max(reserved, self.room))
        self._out += len(ready)
        if log.position == before and log.missing():
            self._retry_later(conversation, now)
        else:
            self._failures.pop(conversation, None)
            self._behind.pop(conversation, None)
            self._note(conversation, log, now)
        return ready

    def fetch_failed(self, conversation: str, now: float) -> None:
        """A :class:`Fetch` got no answer: it is due again after a while."""
        self._reserved.pop(conversation, None)
        if conversation in self._logs:
            self._retry_later(conversation, now)

    def forget(self, conversation: str) -> None:
        """The user is no longer a member."""
        self._logs.pop(conversation, None)
        self._behind.pop(conversation, None)
        self._failures.pop(conversation, None)

    def taken(self, count: int) -> list[Event]:
        """The consumer has taken `count` events; what can be handed on now."""
        self._out -= count
        ready: list[Event] = []
        for conversation in list(self._behind):
            log = self._logs[conversation]
            if log.ready and conversation not in self._reserved:
                events = log.drain(self.room)
                self._out += len(events)
                ready += events
                if not log.behind:
                    del self._behind[conversation]
        return ready

    def due(self, now: float) -> list[Fetch]:
        """The ranges to ask for now."""
        fetches: list[Fetch] = []
        for conversation, at in list(self._behind.items()):
            if len(self._reserved) >= FETCHES_AT_ONCE or not self._has_room():
                break
            if at > now or conversation in self._reserved:
                continue
            missing = self._logs[conversation].missing()
            if missing is None:
                continue
            limit = min(missing.upto - missing.after, FETCH_MAX, self.room)
            self._reserved[conversation] = limit
            fetches.append(Fetch(conversation, missing.after, limit))
        return fetches

    def next_at(self) -> float | None:
        """When `due` will have something to say; None: not by the passing of time."""
        if not self._behind or len(self._reserved) >= FETCHES_AT_ONCE or not self._has_room():
            return None
        times = [
            at
            for c, at in self._behind.items()
            if c not in self._reserved and self._logs[c].missing() is not None
        ]
        return min(times, default=None)

    def _unplaced(self) -> set[str]:
        return {c for c in self._behind if self._logs[c].position is None}

    def _held(self) -> int:
        """Events held above gaps; only logs that are behind hold any."""
        return sum(self._logs[c].buffered for c in self._behind)

    def _has_room(self) -> bool:
        # Waiting for a quarter of the window saves the many tiny requests of a slow consumer.
        return self.room >= max(1, min(FETCH_MAX, self._window // 4))

    def _sync_one(
        self, conversation: Conversation, page: SyncPage, now: float, result: Synced
    ) -> None:
        name, head = conversation.id, conversation.head_seq
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = ConversationLog()
        if log.position is None:
            position = conversation.first_seq - 1
            if self._fresh and self._start == "now":
                held = log.lowest_held()
                position = head if held is None else min(head, held - 1)
            log.place(max(0, position))
            result.placed[name] = log.position or 0
        elif page.full and head < log.position:
            # The server was restored from a backup: what was handed out above no longer exists.
            log.reset(head)
            result.placed[name] = head
        log.raise_head(head)
        result.heads[name] = log.head
        events = log.drain(self.room)
        self._out += len(events)
        result.events += events
        self._behind.pop(name, None)
        self._note(name, log, now)

    def _note(self, conversation: str, log: ConversationLog, at: float) -> None:
        if log.behind:
            self._behind.setdefault(conversation, at)
        else:
            self._behind.pop(conversation, None)

    def _retry_later(self, conversation: str, now: float) -> None:
        failures = self._failures.get(conversation, 0)
        self._failures[conversation] = failures + 1
        bound = min(RETRY_CAP_S, RETRY_BASE_S * 2.0 ** min(failures, 16))
        self._behind[conversation] = now + max(0.05, self._rng() * bound)
