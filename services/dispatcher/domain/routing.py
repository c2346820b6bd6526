"""From an event, its members and their presence to what each gateway is to deliver."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw, Struct

from services.dispatcher.domain.membership import Members
from services.dispatcher.domain.presence import PresenceMirror
from shared.entries import RoutedEvent

# From this many members on, who is on which gateway is kept between events, already encoded.
CACHED_FROM: Final = 24

_encode = msgspec.msgpack.Encoder().encode


class OutItem(Struct, frozen=True, array_like=True, gc=False):
    """A :class:`shared.entries.DeliveryItem` whose users may be encoded already."""

    frame: bytes
    users: list[str] | Raw
    conversation: str = ""
    seq: int = 0
    skip: str = ""
    trace: str = ""
    committed_ms: int = 0

    def user_list(self) -> list[str]:
        """The users, decoded where needed."""
        if isinstance(self.users, list):
            return self.users
        return msgspec.msgpack.decode(self.users, type=list[str])


class OutDelivery(Struct, frozen=True, array_like=True):
    """A :class:`shared.entries.Delivery` about to be written."""

    partition: int
    fence: int
    items: list[OutItem]


Outgoing = dict[str, list[OutItem]]  # gateway → items in order


@dataclass(slots=True)
class _Groups:
    """A large conversation's members by gateway, as long as neither has changed."""

    members: Members
    places: list[tuple[str, Raw]] | None
    offline: int


class Router:
    """Decides where an event goes. Pure: fills an :data:`Outgoing`, touches nothing else."""

    def __init__(self, mirror: PresenceMirror) -> None:
        self._mirror = mirror
        self._groups: dict[str, _Groups] = {}
        self._interest: dict[str, set[str]] = {}  # user → conversations in _groups

    @property
    def interested(self) -> int:
        """Users whose moves concern a kept group."""
        return len(self._interest)

    def route(self, event: RoutedEvent, members: Members | None, out: Outgoing) -> int:
        """Add the event to ``out`` for every gateway that has a recipient.

        ``members`` may be None when the event names its pair. Returns the number of recipients
        without any connection. The connection that sent the event is left out: here when it is its
        user's only one on that gateway, else by the gateway, which finds it in ``skip``.
        """
        recipients: Collection[str]
        if event.pair is not None:
            recipients = event.pair
        else:
            assert members is not None, "only direct conversations carry their members"
            if len(members.current) >= CACHED_FROM and members.whole_at(event.seq):
                return self._route_cached(event, members, out)
            recipients = members.at(event.seq)
        places, offline = self.spread(recipients)
        if event.origin:
            self._leave_out(event.origin, places)
        for gateway, users in places.items():
            _append(out, gateway, _item(event, users))
        return offline

    def spread(self, users: Iterable[str]) -> tuple[dict[str, list[str]], int]:
        """Users by gateway, and how many of them are nowhere."""
        where = self._mirror.users
        places: dict[str, list[str]] = {}
        offline = 0
        for user in users:
            gateways = where.get(user)
            if gateways is None:
                offline += 1
                continue
            for gateway in gateways:
                if gateway in places:
                    places[gateway].append(user)
                else:
                    places[gateway] = [user]
        return places, offline

    def again(self, items: Iterable[OutItem], out: Outgoing) -> int:
        """Route items of a dead gateway to where their users are now. Signals are dropped.

        Returns the number of recipients that are nowhere.
        """
        offline = 0
        for item in items:
            if not item.seq:
                continue
            places, missing = self.spread(item.user_list())
            offline += missing
            for gateway, users in places.items():
                _append(out, gateway, msgspec.structs.replace(item, users=users))
        return offline

    def presence_moved(self, users: Iterable[str]) -> None:
        """These users are on other gateways now."""
        for user in users:
            for conversation in self._interest.get(user, ()):
                self._groups[conversation].places = None

    def forget(self, conversation: str) -> None:
        """The conversation's members have changed, or are no longer known."""
        groups = self._groups.pop(conversation, None)
        if groups is None:
            return
        for user in groups.members.current:
            self._lose_interest(user, conversation)

    def members_changed(self, conversation: str, members: Members, left: Iterable[str]) -> None:
        """Users joined or left the list that the groups were made from."""
        groups = self._groups.get(conversation)
        if groups is None or groups.members is not members:
            self.forget(conversation)
            return
        groups.places = None
        for user in left:
            self._lose_interest(user, conversation)

    def _route_cached(self, event: RoutedEvent, members: Members, out: Outgoing) -> int:
        groups = self._groups.get(event.conversation)
        if groups is None or groups.members is not members:
            self.forget(event.conversation)
            groups = self._groups[event.conversation] = _Groups(members, None, 0)
        if groups.places is None:
            for user in members.current:
                self._interest.setdefault(user, set()).add(event.conversation)
            places, groups.offline = self.spread(members.current)
            groups.places = [(gateway, Raw(_encode(users))) for gateway, users in places.items()]
        for gateway, encoded in groups.places:
            _append(out, gateway, _item(event, encoded))
        return groups.offline

    def _leave_out(self, origin: str, places: dict[str, list[str]]) -> None:
        place = self._mirror.connections.get(origin)
        if place is None:
            return
        gateway, user = place
        users = places.get(gateway)
        if users is None or user not in users or self._mirror.users[user][gateway] > 1:
            return
        users.remove(user)
        if not users:
            del places[gateway]

    def _lose_interest(self, user: str, conversation: str) -> None:
        interest = self._interest.get(user)
        if interest is not None:
            interest.discard(conversation)
            if not interest:
                del self._interest[user]


def _item(event: RoutedEvent, users: list[str] | Raw) -> OutItem:
    return OutItem(
        event.frame, users, event.conversation, event.seq, event.origin, event.trace,
        event.committed_ms,
    )  # fmt: skip


def _append(out: Outgoing, gateway: str, item: OutItem) -> None:
    items = out.get(gateway)
    if items is None:
        out[gateway] = [item]
    else:
        items.append(item)
