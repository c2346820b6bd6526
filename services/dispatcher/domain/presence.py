"""Who is connected where: a copy in memory of what the gateways' rosters say.

Every dispatcher holds all of it, so that routing never asks Redis. Changes are idempotent. A
connection may turn up at another gateway id (a gateway that had lost its lease took a new one);
what is then said about the former id no longer concerns it.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

from shared.entries import Presence, PresenceChange


class PresenceMirror:
    """The connections of all gateways."""

    __slots__ = ("connections", "gateways", "users")

    def __init__(self) -> None:
        self.connections: dict[str, tuple[str, str]] = {}  # connection → gateway, user
        self.gateways: dict[str, set[str]] = {}  # gateway → connections
        self.users: dict[str, dict[str, int]] = {}  # user → gateway → number of connections

    def online(self, user: str) -> bool:
        """Whether the user has a connection."""
        return user in self.users

    def apply(self, change: PresenceChange) -> set[str]:
        """Take in a change. Returns the users who are now on other gateways than before."""
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
                    continue
                self._leave(connection, known[0], set() if moved is None else moved)
            user = intern(presence.user)
            self.connections[connection] = (gateway, user)
            there.add(connection)
            places = self.users.setdefault(user, {})
            places[gateway] = places.get(gateway, 0) + 1
            if places[gateway] == 1 and moved is not None:
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

    def _leave(self, connection: str, gateway: str, moved: set[str]) -> None:
        place = self.connections.get(connection)
        if place is None or place[0] != gateway:
            return
        del self.connections[connection]
        user = place[1]
        self.gateways[gateway].discard(connection)
        places = self.users[user]
        places[gateway] -= 1
        if not places[gateway]:
            moved.add(user)
            del places[gateway]
            if not places:
                del self.users[user]
