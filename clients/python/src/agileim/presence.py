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
        self._here: dict[str, dict[str, str]] = {}  # conversation → user → state
        self._away = False

    def watch(self, conversations: list[str]) -> frames.Watch:
        """Replace the list (its first 200 count); the frame to write."""
        self.watched = list(dict.fromkeys(conversations))[:WATCH_MAX]
        for gone in self._here.keys() - set(self.watched):
            del self._here[gone]
        return frames.Watch(self.watched)

    def received(self, frame: frames.Presence) -> list[Presence]:
        """What has changed."""
        if frame.conversation not in self.watched:
            return []
        name = frame.conversation
        here = self._here.setdefault(name, {})
        told = {one.user: one for one in frame.users}
        changes = []
        if frame.full:
            for user in sorted(here.keys() - told.keys()):
                del here[user]
                changes.append(Presence(name, user, False))
        for user, one in told.items():
            if one.state == "offline":
                here.pop(user, None)
                changes.append(Presence(name, user, False, one.last_seen))
            elif here.get(user) != one.state:
                here[user] = one.state
                changes.append(Presence(name, user, True, away=one.state == "away"))
        return changes

    def own(self, away: bool) -> frames.Away | None:
        """This device lies idle, or is in use again; the frame, if that is new."""
        if away == self._away:
            return None
        self._away = away
        return frames.Away(away)

    def welcomed(self) -> frames.Away | None:
        """A new connection counts as in use: the frame, if it is not."""
        return frames.Away() if self._away else None

    def unknown(self) -> list[Presence]:
        """The connection is gone: nobody is known to be online."""
        changes = [Presence(c, u, False) for c, users in self._here.items() for u in users]
        self._here.clear()
        return changes
