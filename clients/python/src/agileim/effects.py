"""What the session asks the shell to do. Data only, so that tests can compare it."""

from __future__ import annotations

from typing import NamedTuple

from agileim import frames
from agileim.errors import AgileIMError
from agileim.events import Event
from agileim.logs import Fetch
from agileim.models import Sent


class Write(NamedTuple):
    """Write a frame to the socket."""

    frame: frames.ClientFrame


class Emit(NamedTuple):
    """Hand an event to the consumer."""

    event: Event


class Sync(NamedTuple):
    """Ask for the conversations that moved since `cursor` (None: all)."""

    cursor: str | None


class NeedToken(NamedTuple):
    """Get a token newer than the one in use, then call `Session.token`."""


class Drop(NamedTuple):
    """Close the connection; `Session.closed` follows with code 1006."""

    reason: str


class Wait(NamedTuple):
    """Connect again after this time, with a newer token if so asked."""

    delay_s: float
    new_token: bool
    reason: str


class Stop(NamedTuple):
    """Do not connect again."""

    error: AgileIMError


class Answered(NamedTuple):
    """The answer to a send."""

    id: str
    result: Sent | frames.Refused


class Save(NamedTuple):
    """Remember a sync: its cursor, new positions, heads, and conversations left."""

    cursor: str | None
    placed: dict[str, int]
    heads: dict[str, int]
    left: list[str]


class Delivered(NamedTuple):
    """Tell the server that events up to `seq` have arrived (those that no `ack` counts)."""

    conversation: str
    seq: int


Effect = Write | Emit | Fetch | Sync | NeedToken | Drop | Wait | Stop | Answered | Save | Delivered
