"""Who is connected here, and the fan-out to them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from services.gateway.connection import Connection
from services.gateway.ledger import Entry, Ledger, Pending
from services.gateway.metrics import GatewayMetrics
from services.gateway.wsframe import text_frame
from shared import tracing
from shared.entries import Delivery, DeliveryItem
from shared.limits import RECEIPTS_MAX_MEMBERS
from shared.logs import get_logger


class Hub:
    """The live connections, by user and by id."""

    def __init__(
        self, metrics: GatewayMetrics, *, log_events: bool = False, buckets: int = 1
    ) -> None:
        self._metrics = metrics
        self._log_events = log_events  # asked once: a disabled log line costs too much here
        self._by_user: dict[str, tuple[Connection, ...]] = {}
        self._by_id: dict[str, Connection] = {}
        self._buckets: list[set[Connection]] = [set() for _ in range(buckets)]
        self._joined = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, connection: Connection) -> None:
        """The connection gets what is for its user from now on."""
        user = connection.session.user
        self._by_user[user] = (*self._by_user.get(user, ()), connection)
        self._by_id[connection.id] = connection
        connection.bucket = self._joined % len(self._buckets)
        self._joined += 1
        self._buckets[connection.bucket].add(connection)

    def remove(self, connection: Connection) -> None:
        """The connection has ended. Repeating it does no harm."""
        if self._by_id.pop(connection.id, None) is None:
            return
        self._buckets[connection.bucket].discard(connection)
        user = connection.session.user
        others = tuple(other for other in self._by_user[user] if other is not connection)
        if others:
            self._by_user[user] = others
        else:
            del self._by_user[user]

    def everyone(self) -> list[Connection]:
        """All live connections now."""
        return list(self._by_id.values())

    def bucket(self, index: int) -> list[Connection]:
        """The connections whose heartbeat falls on this turn."""
        return list(self._buckets[index])

    def of_sessions(self, sessions: Iterable[str]) -> list[Connection]:
        """Connections of these sessions. Looks at all: rare, and an index would cost memory for
        every connection."""
        wanted = frozenset(sessions)
        return [each for each in self._by_id.values() if each.session.session in wanted]

    def broadcast(self, data: bytes, now: float) -> None:
        """Write frames to everyone."""
        for connection in self.everyone():
            connection.write(data, now)

    def deliver(self, delivery: Delivery, entry: Entry, ledger: Ledger, now: float) -> None:
        """Write the items to the sockets of their users; each event write holds ``entry``."""
        for item in delivery.items:
            if item.seq:
                self._deliver_event(item, entry, ledger, now)
            else:
                self._deliver_signal(item, now)

    def _deliver_event(self, item: DeliveryItem, entry: Entry, ledger: Ledger, now: float) -> None:
        started_ns = time.time_ns() if tracing.active is not None else 0
        data = text_frame(item.frame)
        # More recipients than this here: certainly more members.
        shown = len(item.users) <= RECEIPTS_MAX_MEMBERS
        pending = Pending(entry, ledger, item.conversation, item.seq, shown=shown)
        sender = self._by_id.get(item.skip)
        by_user = self._by_user
        count = 0
        for user in item.users:
            for connection in by_user.get(user, ()):
                # The hold is taken before the write: a write may end the connection, which gives
                # back everything that it holds.
                if connection is not sender:
                    entry.left += 1
                    connection.write_event(data, pending, now)
                    count += 1
        self._metrics.events_written += count
        if item.committed_ms:
            self._metrics.event_seconds.observe(time.time() - item.committed_ms / 1000)
        if started_ns and tracing.active is not None:
            tracing.active.record("gateway.deliver", (item.trace,), started_ns, sockets=count)
        if self._log_events:
            get_logger().debug(
                "event_delivered", trace_id=item.trace, conversation=item.conversation,
                seq=item.seq, sockets=count,
            )  # fmt: skip

    def _deliver_signal(self, item: DeliveryItem, now: float) -> None:
        data = text_frame(item.frame)
        for user in item.users:
            for connection in self._by_user.get(user, ()):
                if connection.id != item.skip:
                    connection.write(data, now, droppable=True)
                    self._metrics.signals_written += 1
