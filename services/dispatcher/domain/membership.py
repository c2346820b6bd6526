"""Who was a member at each event of a conversation.

A user gets the events from the one that added them to the one that removed them, both included.
Because a partition's owner sees every event of its conversations in order, a list loaded once and
changed by the events that follow is exact; where events were missed, :meth:`Members.covers` says
so and the list is loaded again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from shared.internal import MembersReply

FORMER_MAX: Final = 256  # former members kept for events that come late


class Members:
    """The members of one conversation, for events ``from_seq`` to ``as_of + 1``."""

    __slots__ = ("_former", "_left_last", "_newest", "as_of", "current", "from_seq")

    def __init__(self, reply: MembersReply, from_seq: int) -> None:
        """``from_seq`` is the one that api was asked with."""
        self.as_of = reply.as_of_seq
        # Those who left before from_seq are unknown; so is everything between as_of and it.
        self.from_seq = min(from_seq, reply.as_of_seq + 1)
        self.current: dict[str, int] = {}  # user → first seq
        self._former: list[tuple[str, int, int]] = []  # user, first seq, last seq
        for member in reply.members:
            if member.left_seq is None:
                self.current[member.user] = member.first_seq
            else:
                self._former.append((member.user, member.first_seq, member.left_seq))
        self._newest = max(self.current.values(), default=0)
        self._left_last = max((left for _, _, left in self._former), default=0)

    def __len__(self) -> int:
        return len(self.current) + len(self._former)

    def covers(self, seq: int) -> bool:
        """Whether this list is exact for event ``seq``, once that is applied."""
        return self.from_seq <= seq <= self.as_of + 1

    def apply(self, seq: int, joined: Iterable[str], left: Iterable[str]) -> bool:
        """Take in the next event; one that the list has already seen changes nothing.

        True when the members have changed.
        """
        if seq <= self.as_of:
            return False
        self.as_of = seq
        changed = False
        for user in joined:
            changed = True
            self.current.setdefault(user, seq)
            self._newest = seq
        for user in left:
            changed = True
            first = self.current.pop(user, None)
            if first is not None:
                self._former.append((user, first, seq))
                self._left_last = seq
        if len(self._former) > FORMER_MAX:
            self._forget()
        return changed

    def whole_at(self, seq: int) -> bool:
        """Whether exactly the current members get event ``seq``."""
        return seq >= self._newest and seq > self._left_last

    def at(self, seq: int) -> Collection[str]:
        """The users who get event ``seq``."""
        if self.whole_at(seq):
            return self.current.keys()
        users = {user for user, first in self.current.items() if first <= seq}
        users |= {user for user, first, last in self._former if first <= seq <= last}
        return users

    def _forget(self) -> None:
        """Drop the older half of the former members, and with it the events they matter for."""
        # Not those whose last event is this one: in a group that is dissolved, everybody.
        self._former.sort(key=lambda former: former[2])
        dropped = [one for one in self._former[: FORMER_MAX // 2] if one[2] < self.as_of]
        if dropped:
            self._former = self._former[len(dropped) :]
            self.from_seq = max(self.from_seq, dropped[-1][2] + 1)


class MemberCache:
    """The lists in use, bounded by the number of memberships in all of them."""

    def __init__(self, memberships_max: int) -> None:
        self._max = memberships_max
        self._lists: OrderedDict[str, Members] = OrderedDict()
        self._memberships = 0

    def __len__(self) -> int:
        return len(self._lists)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    @property
    def memberships(self) -> int:
        """As counted when each list was put in."""
        return self._memberships

    def get(self, conversation: str) -> Members | None:
        """The list, if it is here; it then counts as used."""
        members = self._lists.get(conversation)
        if members is not None:
            self._lists.move_to_end(conversation)
        return members

    def put(self, conversation: str, members: Members) -> list[str]:
        """Keep a list. Returns the conversations that were given up for it."""
        self.drop(conversation)
        self._lists[conversation] = members
        self._memberships += len(members)
        evicted = []
        while self._memberships > self._max and len(self._lists) > 1:
            oldest = next(iter(self._lists))
            self.drop(oldest)
            evicted.append(oldest)
        return evicted

    def drop(self, conversation: str) -> None:
        """Forget a list."""
        members = self._lists.pop(conversation, None)
        if members is not None:
            self._memberships -= len(members)

    def resized(self, by: int) -> None:
        """Lists have grown or shrunk since they were put in."""
        self._memberships += by
