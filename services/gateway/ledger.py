"""Which entries of this gateway's stream are still on their way, and to how many sockets.

An entry is confirmed (XACK) when every local recipient of each of its events has acknowledged it
or is gone.
"""

from __future__ import annotations


class Entry:
    """One entry of the stream; ``left`` counts writes of its events not yet acknowledged."""

    __slots__ = ("id", "left")

    def __init__(self, entry_id: bytes) -> None:
        self.id = entry_id
        self.left = 1  # the reader's own hold, until it has handed out all items


class Pending:
    """One event of an entry, shared by all sockets it was written to."""

    __slots__ = ("conversation", "entry", "ledger", "seq", "shown")

    def __init__(
        self, entry: Entry, ledger: Ledger, conversation: str, seq: int, *, shown: bool
    ) -> None:
        self.entry = entry
        self.ledger = ledger
        self.conversation = conversation
        self.seq = seq
        self.shown = shown  # that it has arrived is shown to other members


class Ledger:
    """The entries of one stream, in its order. Begin a new one with each new gateway id."""

    def __init__(self) -> None:
        self._known: dict[bytes, Entry] = {}  # delivered, and XACK not known to have arrived
        self._confirmed: list[bytes] = []
        self._last = b"0-0"

    def open(self, entry_id: bytes) -> Entry | None:
        """Begin an entry; None when it is known already, that is, read a second time."""
        if entry_id in self._known:
            return None
        entry = Entry(entry_id)
        self._known[entry_id] = entry
        self._last = entry_id
        return entry

    def release(self, entry: Entry, count: int = 1) -> None:
        """``count`` holds on the entry have ended."""
        entry.left -= count
        # An entry of a former life of this gateway is not ours to confirm any more.
        if entry.left == 0 and self._known.get(entry.id) is entry:
            self._confirmed.append(entry.id)

    def take_confirmed(self, limit: int) -> list[bytes]:
        """Ids to XACK; give them to :meth:`acked` or :meth:`not_acked`."""
        taken = self._confirmed[:limit]
        del self._confirmed[:limit]
        return taken

    def acked(self, ids: list[bytes]) -> None:
        """XACK has succeeded for these."""
        for entry_id in ids:
            self._known.pop(entry_id, None)

    def not_acked(self, ids: list[bytes]) -> None:
        """XACK has failed: again later."""
        self._confirmed[:0] = ids

    @property
    def outstanding(self) -> int:
        """Entries that are not confirmed: this gateway's part of the pending entries list."""
        return len(self._known)

    def trim_below(self) -> bytes:
        """The lowest stream id that still matters: everything below may be trimmed."""
        # The dict is in stream order: entries are read in order, and what a second reading finds
        # new had been handed out after everything known.
        oldest = next(iter(self._known), None)
        if oldest is not None:
            return oldest
        ms, _, seq = self._last.partition(b"-")
        return b"%s-%d" % (ms, int(seq) + 1)
