"""Whose presence is followed by whom, within one partition.

Connections watch conversations for a while; a user who comes online is announced at once, one who
goes offline after a moment, so that a reload or a change of network does not flicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

WATCH_S: Final = 90.0  # a client repeats its `watch` before that
OFFLINE_AFTER_S: Final = 1.0

Online = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Push:
    """Tell the watchers of a conversation about one of its members."""

    conversation: str
    user: str
    online: bool


@dataclass(slots=True)
class _Watched:
    members: set[str]
    watchers: dict[str, tuple[str, float]] = field(default_factory=dict)  # connection → user, end


class Watching:
    """The watchers of one partition's conversations. Times in s, of one monotonic origin."""

    def __init__(self, online: Online) -> None:
        self._online = online
        self._watched: dict[str, _Watched] = {}
        self._by_connection: dict[str, set[str]] = {}
        self._by_member: dict[str, set[str]] = {}
        self._ends: deque[tuple[float, str, str]] = deque()  # end, connection, conversation
        self._announced: dict[str, bool] = {}  # member of a watched conversation → as last told
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
    ) -> list[str] | None:
        """Begin or go on watching until ``end``.

        Returns the members who are online, or None when ``user`` is not one of them.
        """
        if user not in members:
            self._unwatch(conversation, connection)
            return None
        watched = self._watched.get(conversation)
        if watched is None:
            watched = self._watched[conversation] = _Watched(set())
        self._set_members(conversation, watched, members)
        watched.watchers[connection] = (user, end)
        self._ends.append((end, connection, conversation))
        self._by_connection.setdefault(connection, set()).add(conversation)
        return [member for member in members if self._announced[member]]

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
            if self._online(user):
                self._offline_at.pop(user, None)
                if not announced:
                    pushes += self._announce(user, True)
            elif announced:
                self._offline_at.setdefault(user, now + OFFLINE_AFTER_S)
        return pushes

    def due(self, now: float) -> list[Push]:
        """Who has been offline for long enough to say so; ends what has expired."""
        pushes = []
        for user in [user for user, at in self._offline_at.items() if at <= now]:
            del self._offline_at[user]
            if not self._online(user):
                pushes += self._announce(user, False)
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
        shown = [user for user in left if user in watched.members and self._announced.get(user)]
        if conversation in self._watched:
            self._set_members(conversation, watched, (watched.members - gone) | set(new))
        return [Push(conversation, user, False) for user in shown] + [
            # As the others were told: who is away for just a moment still counts as online, and
            # nothing will be told when they are back.
            Push(conversation, user, True)
            for user in new
            if self._announced.get(user)
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

    def _announce(self, user: str, online: bool) -> list[Push]:
        self._announced[user] = online
        return [Push(name, user, online) for name in self._by_member.get(user, ())]

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
                self._announced[user] = self._online(user)
        watched.members = new
