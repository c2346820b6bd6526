"""Deadlines of many sockets without a timer for each."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

NO_SLOT = -1


class Wheel(Generic[T]):
    """Groups items by the slot of time in which they are due. An item is in one slot at most; the
    caller keeps the number, so that an item that ended is not held until its time."""

    def __init__(self, resolution_s: float = 1.0) -> None:
        self._resolution_s = resolution_s
        self._slots: dict[int, set[T]] = {}
        self._next = 0

    def move(self, item: T, slot: int, at: float) -> int:
        """Take ``item`` from ``slot`` and have it due at ``at``, or up to one slot later. Returns
        the new slot."""
        due = max(int(at / self._resolution_s) + 1, self._next)
        if due != slot:
            self.remove(item, slot)
            self._slots.setdefault(due, set()).add(item)
        return due

    def remove(self, item: T, slot: int) -> None:
        """``item`` is not due any more."""
        items = self._slots.get(slot)
        if items is not None:
            items.discard(item)
            if not items:
                del self._slots[slot]

    def everyone(self) -> list[T]:
        """All items, whenever they are due."""
        return [item for items in self._slots.values() for item in items]

    def due(self, now: float) -> list[T]:
        """Take out what is due."""
        current = int(now / self._resolution_s)
        self._next = current + 1
        passed = [slot for slot in self._slots if slot <= current]
        return [item for slot in sorted(passed) for item in self._slots.pop(slot)]
