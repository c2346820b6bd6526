"""Whose presence is followed by whom, within one partition.

Connections watch conversations for a while; a user who comes online is announced at once, one who
goes offline after a moment, so that a reload or a change of network does not flicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

WATCH_S: Final = 90.0  # a client repeats its `watch` before that
OFFLINE_AFTER_S: Final = 1.0

State = Literal["online", "away", "offline"]
OFFLINE: Final[State] = "offline"

StateOf = Callable[[str], State]


@dataclass(frozen=True, slots=True)
class Push:
    """Tell the watchers of a conversation about one of its members."""

    conversation: str
    user: str
    state: State


@dataclass(slots=True)
class _Watched:
    members: set[str]
    watchers: dict[str, tuple[str, float]] = field(default_factory=dict)  # connection → user, end


class Watching:
    """The watchers of one partition's conversations. Times in s, of one monotonic origin."""

    def __init__(self, state_of: StateOf) -> None:
        self._state_of = state_of
        self._watched: dict[str, _Watched] = {}
        self._by_connection: dict[str, set[str]] = {}
        self._by_member: dict[str, set[str]] = {}
        self._ends: deque[tuple[float, str, str]] = deque()  # end, connection, conversation
        self._announced: dict[str, State] = {}  # member of a watched conversation → as last told
        self._offline_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._by_connection)

    def __contains__(self, conversation: str) -> bool:
        return conversation in self._watched

    def replace(self, connection: str, conversations: Iterable[str]) -> None:
        """A connection has sent a new list: end what is not in it."""
        for conversation in self._by_connection.get(connection, set()) - set(conversations):
            self._unwatch(conversation, connection)

    def watch(
        self, conversation: str, members: Collection[str], connection: str, user: str, end: float
    ) -> bool:
        """Begin or go on watching until ``end``; False when ``user`` is not a member."""
        if user not in members:
            self._unwatch(conversation, connection)
            return False
        watched = self._watched.get(conversation)
        if watched is None:
            watched = self._watched[conversation] = _Watched(set())
        self._set_members(conversation, watched, members)
        watched.watchers[connection] = (user, end)
        self._ends.append((end, connection, conversation))
        self._by_connection.setdefault(connection, set()).add(conversation)
        return True

    def here(self, conversation: str) -> list[tuple[str, State]]:
        """The members of a watched conversation who are not offline, as they were last told."""
        return [
            (member, self._announced[member])
            for member in sorted(self.members(conversation))
            if self._announced[member] != OFFLINE
        ]

    def members(self, conversation: str) -> set[str]:
        """The members of a watched conversation."""
        watched = self._watched.get(conversation)
        return watched.members if watched is not None else set()

    def follows(self, user: str) -> bool:
        """Whether the user is a member of a watched conversation."""
        return user in self._by_member

    def shown(self, user: str) -> list[tuple[str, State]]:
        """The watched conversations of a user, and as what they were last told there."""
        return [(name, self._announced[user]) for name in sorted(self._by_member.get(user, ()))]

    def watchers(self, conversation: str) -> list[str]:
        """The connections that watch a conversation."""
        watched = self._watched.get(conversation)
        return list(watched.watchers) if watched is not None else []

    def moved(self, users: Iterable[str], now: float) -> list[Push]:
        """The presence of these users may have changed: what to tell now."""
        pushes = []
        for user in users:
            announced = self._announced.get(user)
            if announced is None:
                continue
            state = self._state_of(user)
            if state != OFFLINE:
                self._offline_at.pop(user, None)
                if announced != state:
                    pushes += self._announce(user, state)
            elif announced != OFFLINE:
                self._offline_at.setdefault(user, now + OFFLINE_AFTER_S)
        return pushes

    def due(self, now: float) -> list[Push]:
        """Who has been offline for long enough to say so; ends what has expired."""
        pushes = []
        for user in [user for user, at in self._offline_at.items() if at <= now]:
            del self._offline_at[user]
            if self._state_of(user) == OFFLINE:
                pushes += self._announce(user, OFFLINE)
        self._expire(now)
        return pushes

    def members_changed(
        self, conversation: str, joined: Iterable[str], left: Iterable[str]
    ) -> list[Push]:
        """Members came and went; those who went no longer see anything, and are no longer shown
        online: of them nothing more will be told."""
        watched = self._watched.get(conversation)
        if watched is None:
            return []
        gone = set(left)
        for connection, (user, _) in list(watched.watchers.items()):
            if user in gone:
                self._unwatch(conversation, connection)
        new = [user for user in joined if user not in watched.members]
        shown = [
            user for user in left
            if user in watched.members and self._announced.get(user, OFFLINE) != OFFLINE
        ]  # fmt: skip
        if conversation in self._watched:
            self._set_members(conversation, watched, (watched.members - gone) | set(new))
        return [Push(conversation, user, OFFLINE) for user in shown] + [
            # As the others were told: who is away for just a moment still counts as online, and
            # nothing will be told when they are back.
            Push(conversation, user, state)
            for user in new
            if (state := self._announced.get(user, OFFLINE)) != OFFLINE
        ]

    def reconcile(self, conversation: str, members: Collection[str]) -> list[Push]:
        """The members are these, as loaded anew: their events may have been before our time, and
        those who already watch must hear of what has changed."""
        watched = self._watched.get(conversation)
        if watched is None or watched.members == set(members):
            return []
        joined = sorted(set(members) - watched.members)
        return self.members_changed(conversation, joined, sorted(watched.members - set(members)))

    def forget(self, conversation: str) -> None:
        """Events of the conversation were missed: end the watching, clients will repeat it."""
        for connection in self.watchers(conversation):
            self._unwatch(conversation, connection)

    def _announce(self, user: str, state: State) -> list[Push]:
        self._announced[user] = state
        return [Push(name, user, state) for name in self._by_member.get(user, ())]

    def _expire(self, now: float) -> None:
        # All watches last equally long, so they end in the order in which they began.
        while self._ends and self._ends[0][0] <= now:
            _, connection, conversation = self._ends.popleft()
            watched = self._watched.get(conversation)
            entry = watched.watchers.get(connection) if watched is not None else None
            if entry is not None and entry[1] <= now:  # else it was repeated since
                self._unwatch(conversation, connection)

    def _unwatch(self, conversation: str, connection: str) -> None:
        conversations = self._by_connection.get(connection)
        if conversations is not None:
            conversations.discard(conversation)
            if not conversations:
                del self._by_connection[connection]
        watched = self._watched.get(conversation)
        if watched is not None:
            watched.watchers.pop(connection, None)
            if not watched.watchers:
                self._set_members(conversation, watched, ())
                del self._watched[conversation]

    def _set_members(self, conversation: str, watched: _Watched, members: Collection[str]) -> None:
        new = set(members)
        for user in watched.members - new:
            names = self._by_member[user]
            names.discard(conversation)
            if not names:
                del self._by_member[user]
                del self._announced[user]
                self._offline_at.pop(user, None)
        for user in new - watched.members:
            self._by_member.setdefault(user, set()).add(conversation)
            if user not in self._announced:
                self._announced[user] = self._state_of(user)
        watched.members = new
