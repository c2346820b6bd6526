"""One socket: takes frames, performs the session's effects, and never waits to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from services.gateway.badframe import explain
from services.gateway.ledger import Pending
from services.gateway.outbox import Outbox, write_to
from services.gateway.session import (
    BeAway,
    CheckToken,
    Close,
    Confirm,
    Effect,
    Effects,
    Follow,
    MarkRead,
    Phase,
    Reply,
    Session,
    SignalTyping,
    Submit,
)
from services.gateway.wheel import NO_SLOT
from services.gateway.wsframe import close_frame, pong_frame, text_frame
from services.gateway.wsreader import Opcode
from shared.codes import CloseCode
from shared.frames import BadFrame, ServerFrame, decode_client_frame, encode
from shared.ids import new_id
from shared.logs import get_logger

if TYPE_CHECKING:
    from services.gateway.parts import Parts

CLOSE_TIMEOUT_S: Final = 3.0  # for the peer's close frame; then the connection is cut
_NO_HEADS: Final[dict[str, int]] = {}


class Connection:
    """The shell around one :class:`Session`."""

    __slots__ = (
        "__weakref__",
        "_frame_bytes",
        "_parts",
        "_sent_heads",
        "_sent_heads_before",
        "_slot",
        "_transport",
        "_unacked",
        "bucket",
        "id",
        "outbox",
        "session",
        "watched",
    )

    def __init__(self, parts: Parts, transport: asyncio.WriteTransport) -> None:
        now = parts.clock()
        self._parts = parts
        self._transport = transport
        self.id = new_id()
        self.session = Session(now, parts.limits)
        self.outbox = Outbox(transport, parts.flusher, parts.outbox_limits)
        self.bucket = 0  # of heartbeats
        self.watched = 0  # bit set of the partitions with conversations that it follows
        self._frame_bytes = 0  # of the frame in hand
        self._unacked: list[Pending] = []
        # Newest seqs that the peer has confirmed since the last heartbeat, and in the one before.
        self._sent_heads = _NO_HEADS
        self._sent_heads_before = _NO_HEADS
        self._slot = parts.wheel.move(self, NO_SLOT, self.session.next_due)

    # --- reading ----------------------------------------------------------------------------

    def take(self, opcode: int, payload: bytes) -> str:
        """Do what a message asks for; what must be waited for, a token to check, is returned."""
        if opcode != Opcode.TEXT:
            self._take_other(opcode, payload)
            return ""
        self._frame_bytes = len(payload)
        for effect in self._read(payload):
            if type(effect) is CheckToken:
                return effect.token
            _PERFORM[type(effect)](self, effect)
        return ""

    def _take_other(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.BINARY:
            self.close(CloseCode.BAD_FRAME, "binary frames are not used")
            return
        now = self._parts.clock()
        self.perform(self.session.on_ping(now))
        if opcode == Opcode.PING:
            self.write(pong_frame(payload), now)

    def _read(self, data: bytes) -> Effects:
        parts = self._parts
        try:
            data.decode()  # RFC 6455, section 8.1; the decoder skips over unknown fields
            frame = decode_client_frame(data)
        except UnicodeDecodeError:
            return self.session.close(CloseCode.BAD_FRAME, "not UTF-8")
        except BadFrame as error:
            parts.metrics.frames_received["bad"] += 1
            return self.session.on_bad_frame(explain(data, error), parts.clock())
        parts.metrics.frames_received[type(frame).__name__] += 1
        return self.session.on_frame(frame, parts.clock())

    def perform(self, effects: Effects) -> None:
        """Carry out what the session wants."""
        for effect in effects:
            _PERFORM[type(effect)](self, effect)

    def _reply(self, effect: Reply) -> None:
        self.reply(effect.frame)

    def _submit(self, effect: Submit) -> None:
        self._parts.sends.submit(self, effect.send, self._frame_bytes)

    def _confirm(self, effect: Confirm) -> None:
        confirmed = self._unacked[: effect.count]
        del self._unacked[: effect.count]
        newest: dict[str, Pending] = {}
        for pending in confirmed:
            newest[pending.conversation] = pending
            pending.ledger.release(pending.entry)
        for conversation, pending in newest.items():
            self.sent(conversation, pending.seq)
            self._parts.receipts.delivered(
                self.session.user, conversation, pending.seq, shown=pending.shown
            )

    def _mark_read(self, effect: MarkRead) -> None:
        self._parts.receipts.read(self.session.user, effect.conversation, effect.seq)

    def _signal_typing(self, effect: SignalTyping) -> None:
        self._parts.signals.typing(self.session.user, effect.conversation, effect.active)

    def _follow(self, effect: Follow) -> None:
        self.watched = self._parts.signals.watch(
            self.id, self.session.user, effect.conversations, self.watched
        )

    def _be_away(self, effect: BeAway) -> None:
        self._parts.registration.change(self.id, away=effect.away)

    # --- writing ----------------------------------------------------------------------------

    def reply(self, frame: ServerFrame) -> None:
        """Write a frame to this socket only."""
        self.write(text_frame(encode(frame)), self._parts.clock())

    def write(self, data: bytes, now: float, *, droppable: bool = False) -> None:
        """Write whole WebSocket frames, now or soon."""
        if self.session.phase is not Phase.CLOSING and not self.outbox.put(
            data, now, droppable=droppable
        ):
            self._too_slow("the peer reads too slowly")

    def write_event(self, data: bytes, pending: Pending, now: float) -> None:
        """Write an `event` frame and hold its entry until it is acknowledged."""
        session = self.session
        if session.phase is not Phase.LIVE:
            pending.ledger.release(pending.entry)
            return
        self._unacked.append(pending)
        if not session.event_written():
            self._too_slow("too many events are not acknowledged")
        elif not self.outbox.put(data, now):
            self._too_slow("the peer reads too slowly")

    def sent(self, conversation: str, seq: int) -> None:
        """The peer has got this event, or has learned of it by `sent`."""
        if self._sent_heads is _NO_HEADS:
            self._sent_heads = {}
        self._sent_heads[conversation] = seq

    def unsent(self, heads: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of ``heads`` that are above what this socket was sent lately."""
        before, sent = self._sent_heads_before, self._sent_heads
        written = {pending.conversation: pending.seq for pending in self._unacked}
        return [
            (conversation, seq)
            for conversation, seq in heads
            if seq > written.get(conversation, 0)
            and seq > sent.get(conversation, 0)
            and seq > before.get(conversation, 0)
        ]

    def next_heartbeat(self) -> None:
        """Forget the seqs of the heartbeat before the last: api asks only about newer ones."""
        self._sent_heads_before, self._sent_heads = self._sent_heads, _NO_HEADS

    # --- ending -----------------------------------------------------------------------------

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; the connection is cut if the peer does not answer in time."""
        self.perform(self.session.close(code, reason))

    def _too_slow(self, reason: str) -> None:
        self._parts.metrics.slow_consumers += 1
        self.outbox.clear()  # nobody reads it, and a cut would lose it anyway
        self.close(CloseCode.SLOW_CONSUMER, reason)

    def _close(self, effect: Close) -> None:
        parts = self._parts
        parts.metrics.closes[int(effect.code)] += 1
        self._leave()
        now = parts.clock()
        # What waits goes first: it may hold the error frame that explains the close. The limit of
        # the transport's buffer does not matter any more.
        waiting = self.outbox.drain()
        write_to(self._transport, waiting + close_frame(effect.code, effect.reason))
        self._slot = parts.wheel.move(self, self._slot, now + CLOSE_TIMEOUT_S)
        get_logger().info(
            "connection_closed", conn_id=self.id, user_id=self.session.user,
            close_code=int(effect.code), reason=effect.reason,
        )  # fmt: skip

    def _leave(self) -> None:
        """Out of the fan-out; what was not acknowledged is given back."""
        parts = self._parts
        if self.session.user:
            parts.hub.remove(self)
            parts.registration.leave(self.id)
        unacked, self._unacked = self._unacked, []
        for pending in unacked:
            pending.ledger.release(pending.entry)

    def ended(self, *, answer: bool) -> None:
        """Nothing more comes. ``answer``: the peer has sent a close frame."""
        if self.session.phase is not Phase.CLOSING:
            # The peer has closed, or is gone: answer its close frame (RFC 6455, section 5.5.1).
            self.session.phase = Phase.CLOSING
            self._leave()
            if answer:
                write_to(self._transport, self.outbox.drain() + close_frame(1000))
        self.outbox.clear()
        self._transport.close()
        if self._transport.get_write_buffer_size() == 0:
            self._parts.wheel.remove(self, self._slot)
        else:  # closing waits for the peer to read: not for long
            at = self._parts.clock() + CLOSE_TIMEOUT_S
            self._slot = self._parts.wheel.move(self, self._slot, at)

    # --- time -------------------------------------------------------------------------------

    def on_deadline(self) -> None:
        """The wheel's turn for this connection has come."""
        self._slot = NO_SLOT
        if self.session.phase is Phase.CLOSING:
            self._transport.abort()
            return
        self.perform(self.session.due(self._parts.clock()))
        if self._slot == NO_SLOT:  # a close has set its own
            self.reschedule()

    def reschedule(self) -> None:
        """The session's next deadline has changed."""
        self._slot = self._parts.wheel.move(self, self._slot, self.session.next_due)


_PERFORM: Final[dict[type[Effect], Callable[[Connection, Any], None]]] = {
    Reply: Connection._reply,
    Submit: Connection._submit,
    Confirm: Connection._confirm,
    MarkRead: Connection._mark_read,
    SignalTyping: Connection._signal_typing,
    Follow: Connection._follow,
    BeAway: Connection._be_away,
    Close: Connection._close,
}
