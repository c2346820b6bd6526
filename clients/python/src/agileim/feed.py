"""The queue between the session and the program: ordered, bounded, conflating.

Log events are bounded by the session's window. Of everything else only the newest per subject is
kept: a program that comes back late sees the present state, not its history.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from agileim.events import (
    ConnectionState,
    ConversationChanged,
    Event,
    LogEvent,
    PersonChanged,
    Presence,
    Receipt,
    Typing,
)

NEWS_MAX = 2_000


class Feed:
    """One producer, one consumer."""

    def __init__(self) -> None:
        self._items: OrderedDict[Hashable, Event] = OrderedDict()
        self._news = 0  # items that are no log events
        self._wakeup = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, event: Event) -> None:
        """Add an event; news replace older ones on the same subject."""
        key = _key(event)
        if not isinstance(event, LogEvent):
            if self._items.pop(key, None) is not None:
                self._news -= 1
            elif self._news >= NEWS_MAX and isinstance(event, Typing | Presence | PersonChanged):
                return
            elif self._news >= 2 * NEWS_MAX:
                self._drop_oldest_news()
            self._news += 1
        self._items[key] = event
        self._wakeup.set()

    def end(self, error: Exception | None) -> None:
        """No more events come; `error` is raised to the consumer after the last one."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wakeup.set()

    async def get(self) -> Event:
        """The next event. Raises StopAsyncIteration, or the error that ended it all."""
        while not self._items:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wakeup.clear()
            await self._wakeup.wait()
        _, event = self._items.popitem(last=False)
        if not isinstance(event, LogEvent):
            self._news -= 1
        return event

    def _drop_oldest_news(self) -> None:
        oldest = next(k for k, item in self._items.items() if not isinstance(item, LogEvent))
        del self._items[oldest]
        self._news -= 1


def _key(event: Event) -> Hashable:
    match event:
        case LogEvent():
            return (event.conversation, event.seq)
        case PersonChanged():
            return (PersonChanged, event.user)
        case Receipt() | Presence() | Typing():
            return (type(event), event.conversation, event.user)
        case ConversationChanged():
            return (ConversationChanged, event.conversation.id)
        case ConnectionState():
            return ConnectionState
