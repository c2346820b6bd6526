"""What stands in the Redis streams: msgpack in the single field ``d`` of each entry.

Arrays, not maps (``array_like``): an entry is read far more often than it is looked at. New fields
go to the end, with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

FIELD: Final = b"d"
UNFENCED: Final = -1  # as the partition of a Delivery that a reaper routed again, with fence 0


class RoutedEvent(Struct, frozen=True, array_like=True):
    """One event on its way from api to the sockets."""

    conversation: str
    seq: int
    frame: bytes  # the `event` frame as it goes over the socket, encoded once, by api
    committed_ms: int  # when api knew it committed, Unix time
    origin: str = ""  # connection that sent it and has learned of it from `sent`
    trace: str = ""
    pair: tuple[str, str] | None = None  # direct conversations: both members, for good
    joined: list[str] = []  # users whose first event this is
    left: list[str] = []  # users whose last event this is; [shared.ids.EVERYBODY]: all of them


class EventBatch(Struct, frozen=True, array_like=True):
    """Entry of an events stream: events of one partition, each conversation's in order."""

    events: list[RoutedEvent]


class TypingSignal(Struct, frozen=True, array_like=True, tag="typing"):
    """Someone types, or has stopped."""

    conversation: str
    user: str
    active: bool


class ReceiptSignal(Struct, frozen=True, array_like=True, tag="receipt"):
    """A member's delivered and read marks have moved."""

    conversation: str
    user: str
    delivered: int
    read: int
    private: bool = False  # only their own devices learn what they have read
    blind: list[str] = []  # members who do not learn what others have read


class WatchSignal(Struct, frozen=True, array_like=True, tag="watch"):
    """A connection follows the presence of these conversations (of one partition). Replaces what
    it watched in the partition before; an empty list ends it."""

    connection: str
    user: str
    conversations: list[str]


Signal = TypingSignal | ReceiptSignal | WatchSignal


class DeliveryItem(Struct, frozen=True, array_like=True):
    """One frame and the users of one gateway that it is for."""

    frame: bytes
    users: list[str]
    conversation: str = ""
    seq: int = 0  # 0: a signal, droppable and not acknowledged by clients
    skip: str = ""  # connection that must not get it
    trace: str = ""
    committed_ms: int = 0


class Delivery(Struct, frozen=True, array_like=True):
    """Entry of a gateway's stream. One with a lower fence than the gateway has seen for the
    partition comes from a deposed owner: it is dropped. What a dead gateway left is routed again
    as partition ``UNFENCED`` with fence 0, and never dropped for that."""

    partition: int
    fence: int
    items: list[DeliveryItem]


class Presence(Struct, frozen=True, array_like=True):
    """Field of a gateway's roster: one connection."""

    user: str
    session: str
    since_ms: int
    away: bool = False  # the device lies idle


class PersonChange(Struct, frozen=True, array_like=True):
    """Something about a person has changed: who may see them, or what others see of them."""

    user: str
    frame: bytes = b""  # the `person` frame for those who follow them; empty: nothing to tell


class PresenceChange(Struct, frozen=True, array_like=True):
    """Connections of one gateway that came and went, in this order: came, then went. One that has
    come before is as it is told now. Or, from api and without a gateway, news of people."""

    gateway: str
    came: list[tuple[str, Presence]] = []  # connection id, who
    went: list[str] = []  # connection ids
    gone: bool = False  # the whole gateway is dead
    people: list[PersonChange] = []


class Revocation(Struct, frozen=True, array_like=True):
    """Sessions that ended before their tokens do."""

    sessions: list[str]
    user: str = ""
    reason: str = ""


_encoder = msgspec.msgpack.Encoder()

T = TypeVar("T")


class BadEntry(ValueError):
    """A stream entry that cannot be read."""


def packed(entry: Struct) -> bytes:
    """The value of an entry's field ``d``."""
    return _encoder.encode(entry)


def encode(entry: Struct) -> dict[bytes, bytes]:
    """The fields for XADD."""
    return {FIELD: packed(entry)}


class EntryDecoder(Generic[T]):
    """Reads the fields of entries of one type."""

    def __init__(self, entry_type: type[T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(entry_type)

    def __call__(self, fields: Mapping[bytes, bytes]) -> T:
        """Raises :class:`BadEntry`."""
        try:
            return self._decoder.decode(fields[FIELD])
        except (KeyError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadEntry(str(error)) from error


decode_event_batch = EntryDecoder(EventBatch)
decode_signal: EntryDecoder[Signal] = EntryDecoder(Signal)  # type: ignore[arg-type]  # a union
decode_delivery = EntryDecoder(Delivery)
decode_presence_change = EntryDecoder(PresenceChange)
decode_revocation = EntryDecoder(Revocation)
