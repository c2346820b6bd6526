"""The WebSocket frames of ``agileim.v1`` as this client reads and writes them.

Reading is tolerant: fields that are not known are ignored, a frame whose ``type`` is not known
(or that does not have the shape of its type) is skipped. A skipped ``event`` shows as a gap and
is fetched. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

SUBPROTOCOL = "agileim.v1"

# --- client → gateway ---------------------------------------------------------------------------


class _Frame(Struct, frozen=True, tag_field="type", omit_defaults=True):
    pass


class Hello(_Frame, frozen=True, tag="hello"):
    """Signs the connection in, with a token or a ticket; the first frame."""

    token: str = ""
    agent: str = ""
    ticket: str = ""


class Refresh(_Frame, frozen=True, tag="refresh"):
    """A fresh access token of the same session."""

    token: str


class Send(_Frame, frozen=True, tag="send"):
    """A message; a retry uses the same id."""

    id: str
    conversation: str
    body: dict[str, Any]


class Ack(_Frame, frozen=True, tag="ack"):
    """The first `n` event frames of this connection are taken care of."""

    n: int


class Read(_Frame, frozen=True, tag="read"):
    """The user has read the conversation up to `seq`."""

    conversation: str
    seq: int


class Typing(_Frame, frozen=True, tag="typing"):
    """Out: I am typing. In, with `user`: someone else is."""

    conversation: str
    active: bool = True
    user: str = ""


class Watch(_Frame, frozen=True, tag="watch"):
    """Follow the presence of these conversations' members."""

    conversations: list[str]


class Away(_Frame, frozen=True, tag="away"):
    """This device lies idle, or is in use again."""

    away: bool = True


class Pong(_Frame, frozen=True, tag="pong"):
    """The answer to `ping`."""


ClientFrame = Hello | Refresh | Send | Ack | Read | Typing | Watch | Away | Pong

# --- gateway → client ---------------------------------------------------------------------------


class Welcome(_Frame, frozen=True, tag="welcome"):
    """Signed in and subscribed."""

    user: str
    connection: str = ""
    session: str = ""
    heartbeat_s: float = 25.0
    limits: dict[str, float] = {}


class Refreshed(_Frame, frozen=True, tag="refreshed"):
    """The new token counts."""


class Expiring(_Frame, frozen=True, tag="expiring"):
    """The token ends soon: send `refresh`."""


class Sent(_Frame, frozen=True, tag="sent"):
    """The message is committed as event `seq`."""

    id: str
    conversation: str
    seq: int
    number: int
    time: datetime
    repeat: bool = False


class Refused(_Frame, frozen=True, tag="refused"):
    """The message with this id is not stored."""

    id: str
    code: str
    message: str = ""
    field: str = ""
    retry_after_ms: int = 0


class Error(_Frame, frozen=True, tag="error"):
    """A frame other than `send` was wrong; the connection goes on."""

    code: str
    message: str = ""
    frame: str = ""
    field: str = ""
    retry_after_ms: int = 0


class Event(_Frame, frozen=True, tag="event"):
    """An event of a conversation's log. Over REST it comes without ``type``."""

    conversation: str
    seq: int
    kind: str
    sender: str
    time: datetime
    number: int = 0
    body: dict[str, Any] = {}
    client_msg_id: str = ""


class Receipt(_Frame, frozen=True, tag="receipt"):
    """How far `user` has got and read the conversation."""

    conversation: str
    user: str
    delivered: int = 0
    read: int = 0


class PresentUser(Struct, frozen=True, omit_defaults=True):
    """One user's presence."""

    user: str
    state: str  # online, away or offline; what else may come counts as online
    last_seen: datetime | None = None


class Presence(_Frame, frozen=True, tag="presence"):
    """Presence of members; with `full`, those not listed are offline."""

    conversation: str
    users: list[PresentUser] = []
    full: bool = False


class Person(_Frame, frozen=True, tag="person"):
    """Somebody in a watched conversation looks different now."""

    user: str
    display_name: str = ""
    avatar: str | None = None
    status: dict[str, Any] | None = None


class Head(Struct, frozen=True, array_like=True):
    """A conversation and the seq of its newest event."""

    conversation: str
    seq: int


class Ping(_Frame, frozen=True, tag="ping"):
    """Heartbeat, with the heads that this connection was not sent."""

    heads: list[Head] = []


class Resync(_Frame, frozen=True, tag="resync"):
    """Live events may have been lost: sync within this time."""

    within_ms: int = 0


class Reconnect(_Frame, frozen=True, tag="reconnect"):
    """The gateway is about to stop: connect again after this time."""

    after_ms: int = 0


ServerFrame = (
    Welcome
    | Refreshed
    | Expiring
    | Sent
    | Refused
    | Error
    | Event
    | Receipt
    | Typing
    | Presence
    | Person
    | Ping
    | Resync
    | Reconnect
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)


def encode(frame: ClientFrame) -> str:
    """The frame's JSON text."""
    return _encoder.encode(frame).decode()


def decode(text: str | bytes) -> ServerFrame | None:
    """Read a frame; None for one that this client does not understand."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
