"""Who is connected where: a copy in memory of what the gateways' rosters say.

Every dispatcher holds all of it, so that routing never asks Redis. Changes are idempotent. A
connection may turn up at another gateway id (a gateway that had lost its lease took a new one);
what is then said about the former id no longer concerns it.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

from services.dispatcher.domain.watching import State
from shared.entries import Presence, PresenceChange


class PresenceMirror:
    """The connections of all gateways."""

    __slots__ = ("_idle", "connections", "gateways", "users")

    def __init__(self) -> None:
        self.connections: dict[str, tuple[str, str]] = {}  # connection → gateway, user
        self.gateways: dict[str, set[str]] = {}  # gateway → connections
        self.users: dict[str, dict[str, int]] = {}  # user → gateway → number of connections
        self._idle: dict[str, set[str]] = {}  # user → connections whose devices lie idle

    def online(self, user: str) -> bool:
        """Whether the user has a connection."""
        return user in self.users

    def state(self, user: str) -> State:
        """What the user's devices come to: away when none of them is in use."""
        places = self.users.get(user)
        if places is None:
            return "offline"
        idle = self._idle.get(user)
        return "away" if idle and len(idle) == sum(places.values()) else "online"

    def apply(self, change: PresenceChange) -> set[str]:
        """Take in a change. Returns the users who are now on other gateways than before, or whose
        devices lie idle or do not any more."""
        moved: set[str] = set()
        if change.came:
            self.load(change.gateway, change.came, moved)
        for connection in change.went:
            self._leave(connection, change.gateway, moved)
        if change.gone:
            moved |= self.drop(change.gateway)
        return moved

    def load(
        self, gateway: str, roster: Iterable[tuple[str, Presence]], moved: set[str] | None = None
    ) -> None:
        """Add connections of a gateway; ``moved`` collects the users who were not there before."""
        gateway = intern(gateway)
        there = self.gateways.setdefault(gateway, set())
        for connection, presence in roster:
            known = self.connections.get(connection)
            if known is not None:
                if known[0] == gateway:
                    if self._set_idle(connection, known[1], presence.away) and moved is not None:
                        moved.add(known[1])
                    continue
                self._leave(connection, known[0], set() if moved is None else moved)
            user = intern(presence.user)
            self.connections[connection] = (gateway, user)
            there.add(connection)
            places = self.users.setdefault(user, {})
            places[gateway] = places.get(gateway, 0) + 1
            self._set_idle(connection, user, presence.away)
            # Beside those who are away, somebody has come back.
            if moved is not None and (places[gateway] == 1 or user in self._idle):
                moved.add(user)

    def drop(self, gateway: str) -> set[str]:
        """A gateway is dead: so are its connections. Returns the users who were there."""
        moved: set[str] = set()
        for connection in list(self.gateways.get(gateway, ())):
            self._leave(connection, gateway, moved)
        self.gateways.pop(gateway, None)
        return moved

    def clear(self) -> None:
        """Forget everything."""
        self.connections.clear()
        self.gateways.clear()
        self.users.clear()
        self._idle.clear()

    def _leave(self, connection: str, gateway: str, moved: set[str]) -> None:
        place = self.connections.get(connection)
        if place is None or place[0] != gateway:
            return
        del self.connections[connection]
        user = place[1]
        self.gateways[gateway].discard(connection)
        self._set_idle(connection, user, False)
        if user in self._idle:  # only those may be left
            moved.add(user)
        places = self.users[user]
        places[gateway] -= 1
        if not places[gateway]:
            moved.add(user)
            del places[gateway]
            if not places:
                del self.users[user]

    def _set_idle(self, connection: str, user: str, away: bool) -> bool:
        """Whether that is new."""
        idle = self._idle.get(user, set())
        if away == (connection in idle):
            return False
        if away:
            self._idle.setdefault(user, set()).add(connection)
        else:
            idle.discard(connection)
            if not idle:
                del self._idle[user]
        return True
