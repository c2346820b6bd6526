"""The WebSocket frames, subprotocol ``agileim.v1``: JSON text, told apart by ``type``.

Each class says who sends it and what it means; docs/protocol.md is the prose around it and
docs/asyncapi.json is generated from here. Fields are only ever added, with defaults; a reader
ignores fields that it does not know. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from shared.codes import ErrorCode
from shared.limits import CLIENT_MSG_ID_MAX_CHARS, FRAME_MAX_BYTES, WATCH_MAX_CONVERSATIONS

SUBPROTOCOL = "agileim.v1"

Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Seq = Annotated[int, Meta(ge=1)]
ClientMsgId = Annotated[str, Meta(min_length=1, max_length=CLIENT_MSG_ID_MAX_CHARS)]


class _Frame(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What all frames share."""


# --- client → gateway ---------------------------------------------------------------------------


class Hello(_Frame, frozen=True, tag="hello"):
    """client → gateway, first frame, once. Signs the connection in with an access token, or with
    a ticket (``POST /connect/account/ticket``), which works once; one of the two."""

    token: str = ""
    agent: Annotated[str, Meta(max_length=200)] = ""  # e.g. "agileim-python/0.1"
    ticket: Annotated[str, Meta(max_length=4096)] = ""


class Refresh(_Frame, frozen=True, tag="refresh"):
    """client → gateway. A fresh access token of the same user and session."""

    token: str


class Send(_Frame, frozen=True, tag="send"):
    """client → gateway. A message. Answered by `sent` or `refused` with the same `id`.

    A retry uses the same `id` (and conversation), on whatever connection, and never duplicates.
    """

    id: ClientMsgId
    conversation: Id
    body: dict[str, Any]  # {"text": str}; checked by api
    trace: Annotated[str, Meta(max_length=64)] = ""  # W3C trace id or any token, for logs


class Ack(_Frame, frozen=True, tag="ack"):
    """client → gateway. The first `n` `event` frames of this connection are taken care of.

    Cumulative; `n` counts the `event` frames received since `welcome`. Acknowledge at the latest
    after 32 events, or 500 ms after the first of them: 2 s, where 8 have come by then.
    """

    n: Annotated[int, Meta(ge=1)]


class Read(_Frame, frozen=True, tag="read"):
    """client → gateway. The user has read the conversation up to `seq`; never goes back."""

    conversation: Id
    seq: Seq


class Typing(_Frame, frozen=True, tag="typing"):
    """client → gateway: I am typing (repeat every 4 s) or have stopped.
    gateway → client, with `user`: someone else is; forget it after 6 s."""

    conversation: Id
    active: bool = True
    user: str = ""


class Watch(_Frame, frozen=True, tag="watch"):
    """client → gateway. Follow the presence of these conversations' members; replaces the former
    list, answered by `presence` frames, forgotten after 90 s unless repeated."""

    conversations: Annotated[list[Id], Meta(max_length=WATCH_MAX_CONVERSATIONS)]


class Away(_Frame, frozen=True, tag="away"):
    """client → gateway. This device lies idle (`away: true`), or is in use again. A user whose
    devices all lie idle is away. A device is in use from `hello` on."""

    away: bool = True


class Pong(_Frame, frozen=True, tag="pong"):
    """client → gateway. Answer to `ping`, within the heartbeat interval."""


ClientFrame = Hello | Refresh | Send | Ack | Read | Typing | Watch | Away | Pong

# --- gateway → client ---------------------------------------------------------------------------


class Welcome(_Frame, frozen=True, tag="welcome"):
    """gateway → client. Signed in and subscribed: now call `GET /v1/sync`, then apply events."""

    connection: str
    user: str
    session: str
    time: datetime
    token_expires_at: datetime
    heartbeat_s: float
    limits: dict[str, float]


class Refreshed(_Frame, frozen=True, tag="refreshed"):
    """gateway → client. The new token counts."""

    token_expires_at: datetime


class Expiring(_Frame, frozen=True, tag="expiring"):
    """gateway → client. The token ends soon: send `refresh`, or be closed with 4003."""

    token_expires_at: datetime


class Sent(_Frame, frozen=True, tag="sent"):
    """gateway → client. The message is committed: it is event `seq` of the conversation.

    This connection gets no `event` frame for it. `repeat` tells that an earlier try had succeeded.
    """

    id: str
    conversation: str
    seq: int
    number: int  # messages in the conversation so far, this one included
    time: datetime
    repeat: bool = False


class Refused(_Frame, frozen=True, tag="refused"):
    """gateway → client. The message with this `id` is not stored. Retry only where it says so:
    `unavailable` and `rate_limited` (after `retry_after_ms`)."""

    id: str
    code: ErrorCode
    message: str
    field: str = ""
    retry_after_ms: int = 0


class Error(_Frame, frozen=True, tag="error"):
    """gateway → client. A frame other than `send` was wrong; the connection goes on."""

    code: ErrorCode
    message: str
    frame: str = ""  # its type
    field: str = ""
    retry_after_ms: int = 0


class Event(_Frame, frozen=True, tag="event"):
    """gateway → client. An event of a conversation's log.

    Per conversation in order of `seq`, at least once: drop what is not above the last applied
    seq; when it is more than one above, fetch what is between (`GET …/events?after_seq=`).
    """

    conversation: str
    seq: int
    kind: str  # see EventKind
    sender: str  # user id
    time: datetime
    number: int  # messages in the conversation so far, this one included if it is one
    body: msgspec.Raw  # an object, shape by kind
    client_msg_id: str = ""


class Receipt(_Frame, frozen=True, tag="receipt"):
    """gateway → client. `user` has got and read the conversation up to these seqs."""

    conversation: str
    user: str
    delivered: int
    read: int


class PresentUser(Struct, frozen=True, omit_defaults=True):
    """One user's presence; `away`: none of their devices is in use."""

    user: str
    state: Literal["online", "away", "offline"]
    last_seen: datetime | None = None


class Presence(_Frame, frozen=True, tag="presence"):
    """gateway → client. Presence of members of a watched conversation; without mention: as before.

    The first one after `watch` lists all members that are online."""

    conversation: str
    users: list[PresentUser]
    full: bool = False  # lists everyone who is online; those not listed are offline


class PersonStatus(Struct, frozen=True, omit_defaults=True):
    """What somebody is up to, until then."""

    text: str = ""
    emoji: str = ""
    until: datetime | None = None


class Person(_Frame, frozen=True, tag="person"):
    """gateway → client. A member of a watched conversation looks different now: this is all that
    may have changed of their profile."""

    user: str
    display_name: str
    avatar: str | None = None
    status: PersonStatus | None = None


class Head(Struct, frozen=True, array_like=True):
    """A conversation and the seq of its newest event."""

    conversation: str
    seq: int


class Ping(_Frame, frozen=True, tag="ping"):
    """gateway → client, each heartbeat. Heads that moved and that this connection has not been
    sent: fetch what is missing. Answer with `pong`."""

    heads: list[Head] = []


class Resync(_Frame, frozen=True, tag="resync"):
    """gateway → client. Live events may have been lost (Redis failed over, or was wiped): call
    `GET /v1/sync` with the last cursor, and repeat `watch`, after a random time up to
    `within_ms`."""

    within_ms: int


class Reconnect(_Frame, frozen=True, tag="reconnect"):
    """gateway → client. This gateway is about to stop: connect again after `after_ms`."""

    after_ms: int


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
_client_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


class BadFrame(ValueError):
    """A frame that cannot be read; the text says why, naming the field as ``$.field``."""


def encode(frame: ServerFrame | ClientFrame) -> bytes:
    """The frame's JSON text, UTF-8."""
    return _encoder.encode(frame)


def decode_client_frame(text: str | bytes) -> ClientFrame:
    """Read a frame that a client sent.

    Raises :class:`BadFrame`.
    """
    if len(text) > FRAME_MAX_BYTES:
        raise BadFrame(f"a frame may have at most {FRAME_MAX_BYTES} bytes")
    try:
        return _client_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(str(error)) from error
