"""Who is typing and who is online, as far as this connection was told. Pure and bounded."""

from __future__ import annotations

from agileim import frames
from agileim.events import Presence, Typing

TYPING_FORGET_S = 6.0
TYPING_REPEAT_S = 4.0
TYPISTS_MAX = 500
WATCH_MAX = 200
WATCH_RENEW_S = 60.0  # the server forgets after 90 s


class TypingBoard:
    """Others' typing with its expiry, and the rate of our own."""

    def __init__(self) -> None:
        self._others: dict[tuple[str, str], float] = {}
        self._own: dict[str, float] = {}

    def received(self, frame: frames.Typing, now: float) -> list[Typing]:
        """Someone types or has stopped; what is news."""
        key = (frame.conversation, frame.user)
        if not frame.active:
            return self._end(key)
        known = key in self._others
        if not known and len(self._others) >= TYPISTS_MAX:
            return []
        self._others[key] = now + TYPING_FORGET_S
        return [] if known else [Typing(frame.conversation, frame.user, True)]

    def spoke(self, conversation: str, user: str) -> list[Typing]:
        """A message of `user` came: they no longer type."""
        return self._end((conversation, user)) if self._others else []

    def expired(self, now: float) -> list[Typing]:
        """Those who were not heard of again in time."""
        gone = [key for key, at in self._others.items() if at <= now]
        return [ended for key in gone for ended in self._end(key)]

    def own(self, conversation: str, active: bool, now: float) -> frames.Typing | None:
        """The frame to write for our own typing, if one is due."""
        last = self._own.get(conversation)
        if not active:
            if self._own.pop(conversation, None) is None:
                return None
            return frames.Typing(conversation, active=False)
        if last is not None and now - last < TYPING_REPEAT_S:
            return None
        if len(self._own) >= TYPISTS_MAX:
            self._own.clear()
        self._own[conversation] = now
        return frames.Typing(conversation)

    def next_at(self) -> float | None:
        """When the next one expires."""
        return min(self._others.values(), default=None)

    def _end(self, key: tuple[str, str]) -> list[Typing]:
        if self._others.pop(key, None) is None:
            return []
        return [Typing(key[0], key[1], False)]


class PresenceBoard:
    """The watched conversations and who is online in them."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self._online: dict[str, set[str]] = {}

    def watch(self, conversations: list[str]) -> frames.Watch:
        """Replace the list (its first 200 count); the frame to write."""
        self.watched = list(dict.fromkeys(conversations))[:WATCH_MAX]
        for gone in self._online.keys() - set(self.watched):
            del self._online[gone]
        return frames.Watch(self.watched)

    def received(self, frame: frames.Presence) -> list[Presence]:
        """What has changed."""
        if frame.conversation not in self.watched:
            return []
        name = frame.conversation
        online = self._online.setdefault(name, set())
        told = {one.user: one for one in frame.users}
        changes = []
        if frame.full:
            for user in sorted(online - told.keys()):
                online.discard(user)
                changes.append(Presence(name, user, False))
        for user, one in told.items():
            if one.state == "online" and user not in online:
                online.add(user)
                changes.append(Presence(name, user, True))
            elif one.state == "offline":
                online.discard(user)
                changes.append(Presence(name, user, False, one.last_seen))
        return changes

    def unknown(self) -> list[Presence]:
        """The connection is gone: nobody is known to be online."""
        changes = [Presence(c, u, False) for c, users in self._online.items() for u in users]
        self._online.clear()
        return changes
