"""The protocol of one socket as a pure state machine: ``(state, frame, now) → effects``.

No I/O and no clock of its own: times are seconds of one monotonic clock, given by the caller, who
also performs the effects in order. Phases::

    HELLO ──hello, accepted──▶ LIVE ──▶ CLOSING
      └──────────── wrong, late or refused ──▲
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from msgspec import Struct

from services.gateway.badframe import Fault, FaultKind
from services.gateway.bucket import TokenBucket
from services.gateway.timestamp import from_unix
from shared import limits
from shared.codes import CloseCode, ErrorCode
from shared.frames import (
    Ack,
    Away,
    ClientFrame,
    Error,
    Expiring,
    Hello,
    Pong,
    Read,
    Refresh,
    Refreshed,
    Refused,
    Send,
    ServerFrame,
    Typing,
    Watch,
)

EXPIRING_NOTICE_S: Final = 30.0  # time for a client to fetch a fresh token
STRIKES_MAX: Final = 3  # unknown frames: a newer client tries one or two, a broken one goes on
UNAVAILABLE_RETRY_MS: Final = 1_000


class Phase(IntEnum):
    """How far the socket has come."""

    HELLO = 0
    LIVE = 1
    CLOSING = 2


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The limits of one socket; see :mod:`shared.limits`."""

    hello_timeout_s: float = limits.HELLO_TIMEOUT_S
    heartbeats_missed_max: int = limits.HEARTBEAT_MISSED_MAX
    token_grace_s: float = limits.TOKEN_GRACE_S
    sends_per_s: float = limits.SENDS_PER_S
    sends_burst: int = limits.SENDS_BURST
    sends_in_flight_max: int = limits.SENDS_IN_FLIGHT_MAX
    frames_per_s: float = limits.FRAMES_PER_S
    frames_burst: int = limits.FRAMES_BURST
    unacked_max: int = limits.UNACKED_MAX_EVENTS


# --- effects ------------------------------------------------------------------------------------


class Effect(Struct, frozen=True, gc=False):
    """Something that the shell has to do."""


class CheckToken(Effect, frozen=True, gc=False):
    """Verify the token (or ticket, see :attr:`Session.by_ticket`), then call
    :meth:`Session.accepted` or :meth:`Session.rejected`. No further frame may be read before
    that."""

    token: str


class Reply(Effect, frozen=True, gc=False):
    """Write a frame to this socket."""

    frame: ServerFrame


class Submit(Effect, frozen=True, gc=False):
    """Hand a message to api; then call :meth:`Session.answered`."""

    send: Send


class Confirm(Effect, frozen=True, gc=False):
    """The oldest ``count`` unacknowledged events are taken care of."""

    count: int


class MarkRead(Effect, frozen=True, gc=False):
    """The user has read the conversation up to ``seq``."""

    conversation: str
    seq: int


class SignalTyping(Effect, frozen=True, gc=False):
    """Tell the conversation's other members."""

    conversation: str
    active: bool


class Follow(Effect, frozen=True, gc=False):
    """Follow the presence of exactly these conversations."""

    conversations: list[str]


class BeAway(Effect, frozen=True, gc=False):
    """This device lies idle, or is in use again."""

    away: bool


class Close(Effect, frozen=True, gc=False):
    """Send a close frame, then end the connection within a bounded time."""

    code: CloseCode
    reason: str = ""


Effects = tuple[Effect, ...]
NOTHING: Final[Effects] = ()


class Session:
    """One socket's state."""

    __slots__ = (
        "_ends_at",
        "_expiring_told",
        "_frames",
        "_limits",
        "_missed_beats",
        "_next_due",
        "_sends",
        "_sends_in_flight",
        "_strikes",
        "acked",
        "by_ticket",
        "expires_at",
        "phase",
        "session",
        "user",
        "written",
    )

    def __init__(self, now: float, session_limits: SessionLimits) -> None:
        self._limits = session_limits
        self.phase = Phase.HELLO
        self.by_ticket = False  # what `hello` brought is a ticket
        self.user = ""
        self.session = ""
        self.expires_at = 0.0  # of the token, Unix time
        self.written = 0  # `event` frames since `welcome`
        self.acked = 0  # of these
        self._sends_in_flight = 0
        self._strikes = 0
        self._missed_beats = 0
        self._expiring_told = False
        self._ends_at = 0.0  # when an unrefreshed token closes the socket, caller's clock
        self._frames = TokenBucket(session_limits.frames_per_s, session_limits.frames_burst)
        self._sends = TokenBucket(session_limits.sends_per_s, session_limits.sends_burst)
        self._next_due = now + session_limits.hello_timeout_s

    @property
    def next_due(self) -> float:
        """When :meth:`due` has something to say next."""
        return self._next_due

    @property
    def sends_in_flight(self) -> int:
        """Messages without `sent` or `refused` yet."""
        return self._sends_in_flight

    # --- frames -----------------------------------------------------------------------------

    def on_frame(self, frame: ClientFrame, now: float) -> Effects:
        """A frame has come."""
        if self.phase is Phase.CLOSING:
            return NOTHING
        self._missed_beats = 0  # whatever it is, the peer lives
        if not self._frames.take(now):
            return self.close(CloseCode.FLOOD, "too many frames")
        if self.phase is Phase.HELLO:
            if type(frame) is Hello:
                return self._first(frame)
            return self.close(CloseCode.BAD_PHASE, "the first frame must be hello")
        return _HANDLERS[type(frame)](self, frame, now)

    def _first(self, frame: Hello) -> Effects:
        if bool(frame.token) == bool(frame.ticket):
            return self.close(CloseCode.BAD_FRAME, "hello takes either a token or a ticket")
        self.by_ticket = bool(frame.ticket)
        return (CheckToken(frame.token or frame.ticket),)

    def on_ping(self, now: float) -> Effects:
        """A control frame (RFC 6455, section 5.5.2) has come; the shell answers while LIVE or
        HELLO."""
        if self.phase is not Phase.CLOSING and not self._frames.take(now):
            return self.close(CloseCode.FLOOD, "too many frames")
        return NOTHING

    def on_bad_frame(self, fault: Fault, now: float) -> Effects:
        """A text message that is no frame has come."""
        if self.phase is Phase.CLOSING:
            return NOTHING
        if not self._frames.take(now):
            return self.close(CloseCode.FLOOD, "too many frames")
        if fault.kind is FaultKind.MALFORMED or self.phase is Phase.HELLO:
            return self.close(CloseCode.BAD_FRAME, "not a frame of this protocol")
        if fault.kind is FaultKind.UNKNOWN:
            self._strikes += 1
            if self._strikes >= STRIKES_MAX:
                return self.close(CloseCode.BAD_FRAME, "too many unknown frames")
            return (Reply(Error(ErrorCode.UNKNOWN_FRAME, fault.message, fault.frame)),)
        if fault.frame == "send" and fault.id:
            return (Reply(Refused(fault.id, ErrorCode.INVALID, fault.message, fault.field)),)
        return (Reply(Error(ErrorCode.INVALID, fault.message, fault.frame, fault.field)),)

    def _hello(self, _: Hello, __: float) -> Effects:
        return self.close(CloseCode.BAD_PHASE, "hello was said before")

    def _refresh(self, frame: Refresh, _: float) -> Effects:
        if not frame.token:
            message = "no token"
            return (Reply(Error(ErrorCode.UNAUTHENTICATED, message, "refresh", "token")),)
        return (CheckToken(frame.token),)

    def _send(self, frame: Send, now: float) -> Effects:
        wait_s = 0.0
        if self._sends_in_flight >= self._limits.sends_in_flight_max:
            wait_s = UNAVAILABLE_RETRY_MS / 1000
        elif not self._sends.take(now):
            wait_s = self._sends.wait_s(now)
        if wait_s:
            refusal = Refused(
                frame.id,
                ErrorCode.RATE_LIMITED,
                "too many messages",
                retry_after_ms=int(wait_s * 1000) + 1,
            )
            return (Reply(refusal),)
        self._sends_in_flight += 1
        return (Submit(frame),)

    def _ack(self, frame: Ack, _: float) -> Effects:
        if frame.n > self.written:
            message = f"only {self.written} events were sent"
            return (Reply(Error(ErrorCode.INVALID, message, "ack", "n")),)
        count = frame.n - self.acked
        if count <= 0:
            return NOTHING
        self.acked = frame.n
        return (Confirm(count),)

    def _read(self, frame: Read, _: float) -> Effects:
        return (MarkRead(frame.conversation, frame.seq),)

    def _typing(self, frame: Typing, _: float) -> Effects:
        return (SignalTyping(frame.conversation, frame.active),)

    def _watch(self, frame: Watch, _: float) -> Effects:
        return (Follow(frame.conversations),)

    def _away(self, frame: Away, _: float) -> Effects:
        return (BeAway(frame.away),)

    def _pong(self, _: Pong, __: float) -> Effects:
        return NOTHING

    # --- tokens -----------------------------------------------------------------------------

    def accepted(
        self, user: str, session: str, expires_at: float, expires_in_s: float, now: float
    ) -> Effects:
        """The token of `hello` or `refresh` is good for ``user`` on ``session``."""
        if self.phase is Phase.CLOSING:
            return NOTHING
        refreshing = self.phase is Phase.LIVE
        if refreshing and (user, session) != (self.user, self.session):
            message = "a token of another user or session"
            return (Reply(Error(ErrorCode.FORBIDDEN, message, "refresh", "token")),)
        self.phase = Phase.LIVE
        self.by_ticket = False
        self.user = user
        self.session = session
        self.expires_at = expires_at
        self._expiring_told = False
        self._next_due = now + max(0.0, expires_in_s - EXPIRING_NOTICE_S)
        self._ends_at = now + expires_in_s + self._limits.token_grace_s
        return (Reply(Refreshed(from_unix(expires_at))),) if refreshing else NOTHING

    def rejected(self, code: CloseCode, reason: str) -> Effects:
        """The token of `hello` or `refresh` is not good. A live session goes on with the one it
        has, as long as that lasts."""
        if self.phase is Phase.HELLO:
            return self.close(code, reason)
        if self.phase is Phase.CLOSING:
            return NOTHING
        error = (
            ErrorCode.UNAVAILABLE if code is CloseCode.UNAVAILABLE else ErrorCode.UNAUTHENTICATED
        )
        return (Reply(Error(error, reason, "refresh", "token")),)

    # --- what goes out ----------------------------------------------------------------------

    def event_written(self) -> bool:
        """An `event` frame goes out. False: too many are unacknowledged, close as slow."""
        self.written += 1
        return self.written - self.acked <= self._limits.unacked_max

    def answered(self) -> None:
        """A submitted message has its answer."""
        self._sends_in_flight -= 1

    # --- time -------------------------------------------------------------------------------

    def due(self, now: float) -> Effects:
        """Time has passed; nothing before :attr:`next_due`."""
        if now < self._next_due or self.phase is Phase.CLOSING:
            return NOTHING
        if self.phase is Phase.HELLO:
            return self.close(CloseCode.HELLO_TIMEOUT, "no hello in time")
        if not self._expiring_told:
            self._expiring_told = True
            self._next_due = self._ends_at
            return (Reply(Expiring(from_unix(self.expires_at))),)
        return self.close(CloseCode.TOKEN_EXPIRED, "the token has expired")

    def beat(self) -> Effects:
        """A heartbeat's turn: the caller sends `ping`, unless it is told to close."""
        if self.phase is not Phase.LIVE:
            return NOTHING
        if self._missed_beats >= self._limits.heartbeats_missed_max:
            return self.close(CloseCode.HEARTBEAT_LOST, "no answer to ping")
        self._missed_beats += 1
        return NOTHING

    def close(self, code: CloseCode, reason: str) -> Effects:
        """End this: from now on frames are ignored."""
        if self.phase is Phase.CLOSING:
            return NOTHING
        self.phase = Phase.CLOSING
        return (Close(code, reason),)


_HANDLERS: Final[dict[type[Struct], Callable[..., Effects]]] = {
    Hello: Session._hello,
    Refresh: Session._refresh,
    Send: Session._send,
    Ack: Session._ack,
    Read: Session._read,
    Typing: Session._typing,
    Watch: Session._watch,
    Away: Session._away,
    Pong: Session._pong,
}
