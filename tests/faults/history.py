"""What happened in a run, as plain data: what the checker judges and the report counts.

Times are seconds of one clock (the harness's ``time.time``; database and services run on the same
machine). Texts are kept as short hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2s
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they judge histories
    from tests.faults.deeds import DeedRecord, Tables


def text_hash(text: str) -> str:
    """A short fingerprint of a message's text."""
    return blake2s(text.encode(), digest_size=8).hexdigest()


class Outcome(StrEnum):
    """What the sender knows of a message in the end."""

    ACKED = "acked"
    REFUSED = "refused"  # for good: the server says that it is not stored
    UNKNOWN = "unknown"  # no answer, or one that leaves it open


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRecord:
    """One message that a user tried to send."""

    sender: str
    device: str
    conversation: str
    client_msg_id: str
    text: str  # fingerprint
    outcome: Outcome
    started_at: float
    ended_at: float
    seq: int = 0  # acked: its event
    code: str = ""  # refused: why
    thread: int = 0  # seq of the message that its thread begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One event as the SDK handed it to one device's user, in that order."""

    conversation: str
    seq: int
    kind: str
    at: float
    client_msg_id: str = ""
    text: str = ""  # fingerprint; empty for what is no message
    target: int = 0  # seq of the message that it is about, or that its thread begins with
    detail: str = ""  # emoji, or version


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it stands in PostgreSQL."""

    conversation: str
    seq: int
    kind: str
    sender: str
    at: float
    client_msg_id: str = ""
    text: str = ""
    target: int = 0  # seq of the message that it is about, or that its thread begins with
    detail: str = ""  # emoji, or version
    mentions: tuple[str, ...] = ()  # users
    recalled: bool = False  # a message whose text is gone
    joined: tuple[str, ...] = ()  # users whose first event this is
    left: tuple[str, ...] = ()  # users whose last event this is


@dataclass(slots=True, kw_only=True)
class DeviceLog:
    """One device of a user and all that it was handed."""

    name: str
    user: str
    session: str
    connected: bool = True  # at the end
    since: float = 0.0  # when it first connected
    complete: bool = True  # it is meant to have seen everything in the end
    sightings: list[Sighting] = field(default_factory=list)
    wire: set[tuple[str, int]] = field(default_factory=set)  # (conversation, seq) on its socket


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """One connection as a gateway's roster in Redis has it."""

    connection: str
    user: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchView:
    """Who a watching device believes to be online in a conversation at the end."""

    device: str
    conversation: str
    online: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A figure of one process that must not grow by faults alone."""

    process: str
    name: str
    before: float
    after: float
    slack: float = 0.0


@dataclass(slots=True, kw_only=True)
class History:
    """Everything that the checker needs to judge one run."""

    sends: list[SendRecord] = field(default_factory=list)
    stored: list[StoredEvent] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)  # conversation → head in its record
    founders: dict[str, frozenset[str]] = field(default_factory=dict)  # members from seq 1 on
    devices: list[DeviceLog] = field(default_factory=list)
    rosters: list[RosterEntry] = field(default_factory=list)  # while the devices were connected
    left_behind: list[RosterEntry] = field(default_factory=list)  # after all had gone
    watches: list[WatchView] = field(default_factory=list)
    gauges: list[Gauge] = field(default_factory=list)
    pending: dict[str, int] = field(default_factory=dict)  # stream (or outbox) → not confirmed
    deeds: list[DeedRecord] = field(default_factory=list)  # acknowledged ones
    tables: Tables | None = None  # what PostgreSQL holds beside the log
    dead: dict[str, int] = field(default_factory=dict)  # stream of unroutable entries → length
    injected_at: float = 0.0
