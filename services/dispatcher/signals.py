"""Typing, receipts and presence: unnumbered frames that may be lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final

from services.dispatcher.dispatch import Dispatch
from services.dispatcher.domain.membership import MemberCache, Members
from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.domain.routing import Outgoing, OutItem, Router
from services.dispatcher.domain.watching import WATCH_S
from services.dispatcher.fetching import Fetching
from services.dispatcher.following import Following
from services.dispatcher.last_seen import LastSeen
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.mirror import entry_id
from services.dispatcher.partition import Owned, Partition
from services.dispatcher.people import People
from services.dispatcher.publisher import Outbound, Publisher, outbounds
from shared import frames
from shared.entries import (
    BadEntry,
    PersonChange,
    ReceiptSignal,
    RoutedEvent,
    Signal,
    TypingSignal,
    WatchSignal,
    decode_signal,
)
from shared.limits import PRESENCE_MAX_MEMBERS
from shared.logs import get_logger
from shared.redis_client import Entries

# A new owner reads the signals of the time before it, for the watches among them; the rest would
# be stale news.
FRESH_MS: Final = 3_000
WATCH_MS: Final = int(WATCH_S * 1000)
TICK_S: Final = 0.25
RETRY_S: Final = 0.25
KEPT_MAX: Final = 5_000  # frames for one gateway that wait for Redis
LOADS_MAX: Final = 512  # conversations whose members are being fetched for signals


class Signals:
    """Turns signals into frames for those who may see them."""

    def __init__(
        self,
        owned: Owned,
        cache: MemberCache,
        router: Router,
        mirror: PresenceMirror,
        publisher: Publisher,
        fetching: Fetching,
        dispatch: Dispatch,
        metrics: DispatcherMetrics,
        partitions: int,
    ) -> None:
        self._people = People(fetching)
        self._following = Following(owned, mirror, self._people, dispatch, metrics, self._add)
        self.last_seen = LastSeen(owned, mirror, self._people, fetching, partitions)
        self._owned = owned
        self._cache = cache
        self._router = router
        self._publisher = publisher
        self._fetching = fetching
        self._dispatch = dispatch
        self._metrics = metrics
        self._outgoing: dict[Partition, Outgoing] = {}
        self._event = asyncio.Event()
        self._loads: dict[str, list[tuple[Partition, int, Signal]]] = {}

    def take(self, partition: Partition, entries: Entries) -> None:
        """Take in what stood in a partition's signals stream."""
        for identifier, fields in entries:
            age_ms = partition.lease.redis_ms() - entry_id(identifier)[0]
            try:
                signal = decode_signal(fields)
            except BadEntry as error:
                get_logger().error("bad_signal", entry=identifier, error=str(error))
                continue
            if isinstance(signal, WatchSignal):
                if age_ms < WATCH_MS:
                    self._begin_watch(partition, age_ms, signal)
            elif age_ms < FRESH_MS:
                self._take(partition, signal.conversation, age_ms, signal)

    def presence_moved(self, users: set[str]) -> None:
        """Users came, went, or are elsewhere now."""
        self._router.presence_moved(users)
        self._following.moved(users)
        self.last_seen.moved(users)

    def news(self, changes: Sequence[PersonChange]) -> None:
        """People look different now, or to others."""
        self._following.news(changes)

    def members_moved(self, partition: Partition, event: RoutedEvent) -> None:
        """An event has changed who is a member."""
        watching = partition.watching
        if event.conversation in watching:
            pushes = watching.members_changed(event.conversation, event.joined, event.left)
            self._following.push(partition, pushes)

    async def run(self) -> None:
        """Write what has gathered, and see to what is due. Runs until cancelled."""
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._event.wait()
            except TimeoutError:
                now = time.monotonic()
                for partition in self._owned:
                    self._following.push(partition, partition.watching.due(now))
            self._event.clear()
            if self._outgoing:
                await self._write()

    async def _write(self) -> None:
        gathered, self._outgoing = self._outgoing, {}
        owned = {partition.number: partition for partition in gathered if not partition.dropped}
        batch = [
            outbound
            for partition in owned.values()
            for outbound in outbounds(partition.lease, gathered[partition])
        ]
        refused = await self._publisher.publish_once(batch)
        if refused:
            # Redis stalls. Who is online is told once, when it changes: that must come after all.
            for outbound in reversed(refused):
                self._put_back(owned[outbound.lease.partition], outbound)
            await asyncio.sleep(RETRY_S)

    def _put_back(self, partition: Partition, outbound: Outbound) -> None:
        """Before what has gathered meanwhile, so that the newest is told last."""
        newer = self._outgoing.setdefault(partition, {}).setdefault(outbound.gateway, [])
        if len(newer) + len(outbound.items) > KEPT_MAX:
            self._metrics.signals_dropped.inc()
            return
        newer[:0] = outbound.items
        self._event.set()

    # --- members --------------------------------------------------------------------------------

    def _take(self, partition: Partition, conversation: str, age_ms: int, signal: Signal) -> None:
        """Serve a signal now if the members are known, else when they are."""
        members = self._cache.get(conversation)
        if members is not None:
            self._serve(partition, conversation, members, age_ms, signal)
        elif conversation in self._loads:
            self._loads[conversation].append((partition, age_ms, signal))
        elif len(self._loads) < LOADS_MAX:
            self._loads[conversation] = [(partition, age_ms, signal)]
            self._dispatch.spawn(partition, self._load(conversation))
        else:
            self._metrics.signals_dropped.inc()

    async def _load(self, conversation: str) -> None:
        waiting = self._loads[conversation]
        try:
            members = await self._fetching.members_once(conversation)
        finally:
            del self._loads[conversation]
        if members is None:
            self._metrics.signals_dropped.inc(len(waiting))
            return
        known = self._cache.get(conversation)
        if known is None:
            self._dispatch.remember_members(conversation, members)
        else:  # events have been applied to it meanwhile
            members = known
        for partition, age_ms, signal in waiting:
            if not partition.dropped:
                self._serve(partition, conversation, members, age_ms, signal)

    def _serve(
        self, partition: Partition, conversation: str, members: Members, age_ms: int, signal: Signal
    ) -> None:
        if isinstance(signal, WatchSignal):
            self._following.watch(partition, conversation, members, age_ms, signal)
        elif isinstance(signal, TypingSignal):
            self._typing(partition, members, signal)
        else:
            self._receipt(partition, members, signal)

    # --- kinds ----------------------------------------------------------------------------------

    def _typing(self, partition: Partition, members: Members, signal: TypingSignal) -> None:
        # In a large room everybody's typing is noise, and costs as much as messages.
        if signal.user not in members.current or len(members.current) > PRESENCE_MAX_MEMBERS:
            return
        self._metrics.signals.labels("typing").inc()
        end = time.monotonic() + FRESH_MS / 1000

        def tell() -> None:
            card = self._people.card(signal.user)
            if card is None or time.monotonic() > end:
                return
            frame = frames.Typing(signal.conversation, active=signal.active, user=signal.user)
            others = [
                user for user in members.current if user != signal.user and card.reaches(user)
            ]
            self._send(partition, signal.conversation, frames.encode(frame), others)

        self._following.when_known(partition, [signal.user], tell)

    def _receipt(self, partition: Partition, members: Members, signal: ReceiptSignal) -> None:
        if signal.user not in members.current:
            return
        self._metrics.signals.labels("receipt").inc()
        frame = frames.Receipt(signal.conversation, signal.user, signal.delivered, signal.read)
        if not (signal.private or signal.blind):
            self._send(partition, signal.conversation, frames.encode(frame), members.current)
            return
        told = {signal.user}
        if not signal.private:
            told |= members.current.keys() - signal.blind
        self._send(partition, signal.conversation, frames.encode(frame), told)
        less = frames.Receipt(signal.conversation, signal.user, signal.delivered, 0)
        others = members.current.keys() - told
        self._send(partition, signal.conversation, frames.encode(less), others)

    def _begin_watch(self, partition: Partition, age_ms: int, signal: WatchSignal) -> None:
        self._metrics.signals.labels("watch").inc()
        partition.watching.replace(signal.connection, signal.conversations)
        for conversation in signal.conversations:
            self._take(partition, conversation, age_ms, signal)

    def _send(
        self, partition: Partition, conversation: str, frame: bytes, users: Iterable[str]
    ) -> None:
        for gateway, there in self._router.spread(users)[0].items():
            self._add(partition, gateway, OutItem(frame, there, conversation))

    def _add(self, partition: Partition, gateway: str, item: OutItem) -> None:
        self._outgoing.setdefault(partition, {}).setdefault(gateway, []).append(item)
        self._event.set()
