"""Presence: who is told of whose, and when. What a person does not show, nobody is told.

Before anything about a person is told, their card must be known. What waits for one keeps its
place, so that a later word never overtakes an earlier one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from services.dispatcher.dispatch import Dispatch
from services.dispatcher.domain.membership import Members
from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.domain.routing import OutItem
from services.dispatcher.domain.visibility import UNSEEN, Card
from services.dispatcher.domain.watching import OFFLINE, WATCH_S, Push
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.partition import Owned, Partition
from services.dispatcher.people import People
from shared import frames
from shared.entries import PersonChange, WatchSignal
from shared.limits import PRESENCE_MAX_MEMBERS

WAITING_MAX: Final = 5_000  # words that wait for cards, of one partition
ASK_AGAIN_S: Final = 0.5

Add = Callable[[Partition, str, OutItem], None]
Word = Callable[[], None]


@dataclass(slots=True)
class _Queue:
    """What waits in one partition: the people it is about, and what to do then."""

    words: deque[tuple[Collection[str], Word]] = field(default_factory=deque)
    busy: bool = False


class Following:
    """Tells watchers what they may know. ``add`` puts a frame on its way to a gateway."""

    def __init__(
        self, owned: Owned, mirror: PresenceMirror, people: People, dispatch: Dispatch,
        metrics: DispatcherMetrics, add: Add,
    ) -> None:  # fmt: skip
        self._owned = owned
        self._mirror = mirror
        self._people = people
        self._dispatch = dispatch
        self._metrics = metrics
        self._add = add
        self._queues: dict[Partition, _Queue] = {}

    # --- what happens ---------------------------------------------------------------------------

    def moved(self, users: set[str]) -> None:
        """Users came, went, or do something else with their devices now."""
        now = time.monotonic()
        for partition in self._owned:
            self.push(partition, partition.watching.moved(users, now))

    def news(self, changes: Iterable[PersonChange]) -> None:
        """People look different now, or to others: correct what was shown."""
        frames_of = {change.user: change.frame for change in changes}
        self._people.forget(frames_of)
        for partition in self._owned:
            for user, frame in frames_of.items():
                if not partition.watching.follows(user):
                    continue
                if frame:
                    self._introduce(partition, user, frame)
                self.when_known(partition, [user], lambda p=partition, u=user: self._correct(p, u))  # type: ignore[misc]

    def watch(
        self, partition: Partition, conversation: str, members: Members, age_ms: int,
        signal: WatchSignal,
    ) -> None:  # fmt: skip
        """A connection watches a conversation, from now on or still."""
        place = self._mirror.connections.get(signal.connection)
        if place is None or place[1] != signal.user:
            return  # gone since
        current = members.current.keys()
        if len(current) > PRESENCE_MAX_MEMBERS:
            return
        end = time.monotonic() + WATCH_S - age_ms / 1000
        watching = partition.watching
        self.push(partition, watching.reconcile(conversation, current))
        if not watching.watch(conversation, current, signal.connection, signal.user, end):
            return
        about = current if len(current) == 2 else [user for user, _ in watching.here(conversation)]
        self.when_known(
            partition, about, lambda: self._tell_all(partition, conversation, signal.connection)
        )

    def push(self, partition: Partition, pushes: Iterable[Push]) -> None:
        """Tell the watchers what has changed."""
        for push in pushes:
            self.when_known(partition, [push.user], lambda p=push: self._tell(partition, p))  # type: ignore[misc]

    # --- waiting for cards ----------------------------------------------------------------------

    def when_known(self, partition: Partition, users: Collection[str], word: Word) -> None:
        """Do something when the cards of these people are known."""
        queue = self._queues.get(partition)
        if queue is None and all(self._people.card(user) is not None for user in users):
            word()
            return
        if queue is None:
            queue = self._queues[partition] = _Queue()
        if len(queue.words) >= WAITING_MAX:
            self._metrics.signals_dropped.inc()
            return
        queue.words.append((users, word))
        if not queue.busy:
            queue.busy = True
            self._dispatch.spawn(partition, self._serve(partition, queue))

    async def _serve(self, partition: Partition, queue: _Queue) -> None:
        try:
            while queue.words and not partition.dropped:
                users, word = queue.words[0]
                if not await self._people.load(users):
                    await asyncio.sleep(ASK_AGAIN_S)  # api is away: who is here can wait
                    continue
                queue.words.popleft()
                word()
        finally:
            self._queues.pop(partition, None)

    def _card(self, user: str) -> Card:
        """It was known a moment ago; if news came since, a correction will follow."""
        return self._people.card(user) or UNSEEN

    # --- words ----------------------------------------------------------------------------------

    def _tell_all(self, partition: Partition, conversation: str, connection: str) -> None:
        """Everybody who is here, to one who watches."""
        place = self._mirror.connections.get(connection)
        watching = partition.watching
        if place is None or connection not in watching.watchers(conversation):
            return
        gateway, viewer = place
        users = [
            frames.PresentUser(user, state)
            for user, state in watching.here(conversation)
            if user == viewer or self._card(user).shows_to(viewer)
        ]
        listed = {user.user for user in users}
        members = watching.members(conversation)
        for user in members if len(members) == 2 else ():
            card = self._card(user)
            if user not in listed and card.last_seen_ms and card.shows_to(viewer):
                seen = datetime.fromtimestamp(card.last_seen_ms / 1000, UTC)
                users.append(frames.PresentUser(user, OFFLINE, seen))
        frame = frames.encode(frames.Presence(conversation, users, full=True))
        self._add(partition, gateway, OutItem(frame, [viewer], conversation))

    def _tell(self, partition: Partition, push: Push) -> None:
        """One who came or went, to those who may see it."""
        card = self._card(push.user)
        seen = datetime.now(UTC) if push.state == OFFLINE else None
        user = frames.PresentUser(push.user, push.state, seen)
        self._send(
            partition, push.conversation, user,
            lambda viewer: viewer == push.user or card.shows_to(viewer),
        )  # fmt: skip

    def _correct(self, partition: Partition, user: str) -> None:
        """To those who may see somebody what they are, to the others that nobody is here."""
        card = self._card(user)
        for conversation, state in partition.watching.shown(user):
            self._send(
                partition, conversation, frames.PresentUser(user, state),
                lambda viewer: viewer == user or card.shows_to(viewer),
            )  # fmt: skip
            self._send(
                partition, conversation, frames.PresentUser(user, OFFLINE),
                lambda viewer: viewer != user and not card.shows_to(viewer),
            )  # fmt: skip

    def _introduce(self, partition: Partition, user: str, frame: bytes) -> None:
        """What somebody looks like now; also to those who do not see whether they are here."""
        places: dict[str, list[str]] = {}
        for conversation, _ in partition.watching.shown(user):
            self._places(partition, conversation, lambda _: True, places)
        for gateway, viewers in places.items():
            self._add(partition, gateway, OutItem(frame, viewers))

    def _send(
        self, partition: Partition, conversation: str, user: frames.PresentUser,
        may: Callable[[str], bool],
    ) -> None:  # fmt: skip
        places = self._places(partition, conversation, may, {})
        if not places:
            return
        frame = frames.encode(frames.Presence(conversation, [user]))
        for gateway, viewers in places.items():
            self._add(partition, gateway, OutItem(frame, viewers, conversation))

    def _places(
        self, partition: Partition, conversation: str, may: Callable[[str], bool],
        places: dict[str, list[str]],
    ) -> dict[str, list[str]]:  # fmt: skip
        """Gateway → watchers who may, each once."""
        for connection in partition.watching.watchers(conversation):
            place = self._mirror.connections.get(connection)
            if place is None or not may(place[1]):
                continue
            if place[1] not in places.setdefault(place[0], []):
                places[place[0]].append(place[1])
        return places
