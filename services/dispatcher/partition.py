"""What the dispatcher knows of one partition while it owns it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from services.dispatcher.domain.ordering import Gap, Offered, Ordering
from services.dispatcher.domain.watching import Watching
from services.dispatcher.leases import Lease
from shared.entries import BadEntry, RoutedEvent, decode_event_batch
from shared.redis_client import Entries


class Entry:
    """A stream entry in flight: confirmed once all its events are taken care of."""

    __slots__ = ("id", "left")

    def __init__(self, identifier: bytes, events: int) -> None:
        self.id = identifier
        self.left = events


# An event and the entry that brought it; None when it was fetched from api.
Item = tuple[RoutedEvent, Entry | None]


class Partition:
    """Entries in flight, order, waiting conversations and watchers of one owned partition.

    Dropped whole when the lease is lost: everything in it can be had again from the stream.
    """

    def __init__(self, lease: Lease, key: str, ordering: Ordering[Entry | None],
                 watching: Watching) -> None:  # fmt: skip
        self.lease = lease
        self.number = lease.partition
        self.key = key
        self.ordering = ordering
        self.watching = watching
        self.in_flight: dict[bytes, Entry] = {}
        self.faults: dict[bytes, str] = {}  # entries that fail by their own fault, and why
        self.done: list[bytes] = []  # to be confirmed
        self.waiting: dict[str, list[Item]] = {}  # conversation → events without known members
        self.tasks: set[asyncio.Task[Any]] = set()  # fetching members and gaps
        self.reading = False  # takes new entries
        self.dropped = False

    @property
    def active(self) -> bool:
        """Whether it may be routed."""
        return not self.dropped and self.lease.valid()

    def admit(self, entries: Entries, now: float) -> tuple[list[Item], int]:
        """Take entries in. Returns the events whose turn it is, and the number of repeats."""
        items: list[Item] = []
        for identifier, fields in entries:
            if identifier in self.in_flight:
                continue
            try:
                events = decode_event_batch(fields).events
            except BadEntry as error:
                self.faults[identifier] = str(error)
                continue
            entry = self.in_flight[identifier] = Entry(identifier, len(events))
            if not events:
                self.done.append(identifier)
            items += [(event, entry) for event in events]
        return self._offered(self.ordering.offer(items, now))

    def fill(self, events: Iterable[RoutedEvent], now: float) -> list[Item]:
        """Take in events that were fetched from api."""
        return self._offered(self.ordering.offer([(event, None) for event in events], now))[0]

    def skip(self, gap: Gap, now: float) -> list[Item] | None:
        """Go on behind a gap. None when there is none any more."""
        if not self.ordering.waits(gap):
            return None
        return self._offered(self.ordering.skip(gap, now))[0]

    def settle(self, entry: Entry | None) -> None:
        """One event of the entry is taken care of."""
        if entry is None:
            return
        entry.left -= 1
        if entry.left == 0:
            self.faults.pop(entry.id, None)
            self.done.append(entry.id)

    def fail(self, item: Item, reason: str) -> None:
        """An event could not be routed by a fault of its own or of ours: leave its entry pending,
        so that it comes again."""
        event, entry = item
        self.ordering.retract(event.conversation, event.seq)
        if entry is not None:
            self.in_flight.pop(entry.id, None)
            self.faults[entry.id] = reason

    def confirmed(self, identifiers: Iterable[bytes]) -> None:
        """These entries are no longer pending."""
        for identifier in identifiers:
            self.in_flight.pop(identifier, None)

    def drop(self) -> None:
        """The partition is not ours any more."""
        self.dropped = True
        self.reading = False
        for task in self.tasks:
            task.cancel()

    def _offered(self, offered: Offered[Entry | None]) -> tuple[list[Item], int]:
        for entry in offered.repeats:
            self.settle(entry)
        return offered.ready, len(offered.repeats)


class Owned:
    """The partitions that this process owns now."""

    def __init__(self) -> None:
        self._by_number: dict[int, Partition] = {}
        self._by_key: dict[bytes, Partition] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._by_number.values()))

    def get(self, number: int) -> Partition | None:
        return self._by_number.get(number)

    def by_key(self, key: bytes) -> Partition | None:
        """The partition whose events stream has this key."""
        return self._by_key.get(key)

    def add(self, partition: Partition) -> None:
        self._by_number[partition.number] = partition
        self._by_key[partition.key.encode()] = partition

    def remove(self, partition: Partition) -> None:
        """Drop a partition with all that was in flight in it."""
        if self._by_number.get(partition.number) is partition:
            del self._by_number[partition.number]
            del self._by_key[partition.key.encode()]
        partition.drop()
