"""The load generator's WebSocket client: the least that speaks RFC 6455 and `agileim.v1`.

The generator shares the machine with what it measures, so it must cost little: frames are built
and cut by hand, JSON is not parsed (the one field of interest is searched for), and the masking
key is zero, which RFC 6455 (section 5.3) lets a server neither notice nor refuse: the server does
the same work for it as for any other.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable, Iterable
from typing import Final, cast

from shared import frames

MASKED_TEXT: Final = 0x81
MASK_BIT: Final = 0x80
ZERO_MASK: Final = bytes(4)
CLOSE, PING = 0x8, 0x9

# The protocol's latest: 32 events or 500 ms, which are 2 s where 8 events have come by then.
ACK_AFTER_EVENTS: Final = 32
ACK_AFTER_S: Final = 0.5
BUSY_EVENTS: Final = 8
BUSY_TURNS: Final = 4  # of ACK_AFTER_S
ACK_SLOTS: Final = 10  # sockets take turns, or all would acknowledge in the same moment

_KIND: Final = len('{"type":"')
_SENT_ID: Final = len('{"type":"sent","id":"')
_EVENT_ID: Final = b'"client_msg_id":"'
_PONG_TEXT: Final = frames.encode(frames.Pong())

Listener = Callable[["Socket", int], None]  # who, and the id of the message: its send time in ns


class WireError(Exception):
    """The gateway refused, closed or answered with something unexpected."""


def client_frame(payload: bytes) -> bytes:
    """A text frame as a client sends it (RFC 6455, section 5.2), masked with zeros."""
    size = len(payload)
    if size < 126:
        return bytes((MASKED_TEXT, MASK_BIT | size)) + ZERO_MASK + payload
    return bytes((MASKED_TEXT, MASK_BIT | 126)) + size.to_bytes(2, "big") + ZERO_MASK + payload


PONG: Final = client_frame(_PONG_TEXT)


def message_frame(conversation: str, text: str) -> Callable[[int], bytes]:
    """A function from a message id (a time in ns) to the `send` frame for this conversation."""
    # 19 digits hold the next 290 years of the clock: a fixed width keeps the length the same.
    example = frames.encode(frames.Send("0" * 19, conversation, {"text": text}))
    head, tail = client_frame(example).split(b"0" * 19)

    def build(sent_ns: int) -> bytes:
        return b"%s%019d%s" % (head, sent_ns, tail)

    return build


def _ignore(_: Socket, __: int) -> None:
    pass


class Socket(asyncio.Protocol):
    """One client connection. `on_event` and `on_sent` are called with the message's id.

    `welcomed` is done when the gateway has said `welcome`; it fails if it never does.
    """

    __slots__ = (
        "_acked", "_buffer", "_host", "_token", "_turns", "_upgraded", "closed", "events", "gone",
        "on_event", "on_sent", "opened_at", "refused", "transport", "welcomed", "welcomed_at",
    )  # fmt: skip

    def __init__(self, token: str, host: str) -> None:
        self._token = token
        self._host = host
        self._buffer = b""
        self._upgraded = False
        self._acked = 0
        self._turns = 0  # since the last `ack`
        self.events = 0  # `event` frames received
        self.refused: list[bytes] = []  # `refused` and `error` frames
        self.closed = False
        self.on_event: Listener = _ignore
        self.on_sent: Listener = _ignore
        self.opened_at = 0.0
        self.welcomed_at = 0.0
        loop = asyncio.get_running_loop()
        self.welcomed: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {frames.SUBPROTOCOL}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.gone.set_result(None)
        if not self.welcomed.done():
            self.welcomed.set_exception(WireError(f"closed before welcome: {error}"))

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        position = 0 if self._upgraded else self._upgrade(data)
        size = len(data)
        while size - position >= 2:
            length, start = data[position + 1], position + 2
            if length >= 126:  # the length follows in 2 bytes, or in 8
                wide = 2 if length == 126 else 8
                start += wide
                length = int.from_bytes(data[start - wide : start], "big")
            if start > size or start + length > size:
                break
            self._frame(data, data[position] & 0xF, start, start + length)
            position = start + length
        if position < size:
            self._buffer = data[position:]

    def _upgrade(self, data: bytes) -> int:
        """Where the first frame begins, after the answer to the upgrade; 0 if not all there."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            return len(data)
        if not data.startswith(b"HTTP/1.1 101 "):
            self._fail(data[:200])
            return len(data)
        self._upgraded = True
        hello = frames.encode(frames.Hello(self._token, "agileim-bench"))
        self.transport.write(client_frame(hello))
        return end + 4

    def _frame(self, data: bytes, opcode: int, start: int, end: int) -> None:
        kind = data[start + _KIND : start + _KIND + 5]
        if kind == b"event":
            self.events += 1
            found = data.rfind(_EVENT_ID, start, end)
            if found >= 0:  # others than messages have no id
                self.on_event(self, int(data[found + len(_EVENT_ID) : end - 2]))
            if self.events - self._acked >= ACK_AFTER_EVENTS:
                self.acknowledge()
        elif kind == b'sent"':
            at = start + _SENT_ID
            self.on_sent(self, int(data[at : at + 19]))
        elif kind == b'ping"':
            self.transport.write(PONG)
        elif kind in (b"refus", b"error"):
            self.refused.append(data[start:end])
        elif kind == b"welco":
            self.welcomed_at = time.perf_counter()
            if not self.welcomed.done():
                self.welcomed.set_result(None)
        elif opcode == CLOSE:
            self._fail(data[start:end])
        elif opcode == PING:
            self.transport.write(
                bytes((0x8A, MASK_BIT | end - start)) + ZERO_MASK + data[start:end]
            )

    def acknowledge(self) -> None:
        """Send `ack` if events came since the last one."""
        if self.events > self._acked and not self.closed:
            self._acked = self.events
            self._turns = 0
            self.transport.write(client_frame(b'{"type":"ack","n":%d}' % self.events))

    def take_turn(self) -> None:
        """ACK_AFTER_S have passed."""
        self._turns += 1
        if self.events - self._acked < BUSY_EVENTS or self._turns >= BUSY_TURNS:
            self._turns = 0
            self.acknowledge()

    def _fail(self, what: bytes) -> None:
        self.refused.append(what)
        if not self.welcomed.done():
            self.welcomed.set_exception(WireError(what.decode(errors="replace")))
        self.transport.close()


async def connect(
    address: tuple[str, int], tokens: Iterable[str], *, at_once: int = 128
) -> list[Socket]:
    """Connect and sign in a socket per token, `at_once` of them in parallel.

    Raises :class:`WireError` as an exception group if any is refused.
    """
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(at_once)
    host = f"{address[0]}:{address[1]}"

    async def one(token: str) -> Socket:
        async with slots:
            socket = Socket(token, host)
            socket.opened_at = time.perf_counter()
            await loop.create_connection(lambda: socket, *address)
            await socket.welcomed
            return socket

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(token)) for token in tokens]
    return [task.result() for task in tasks]


async def acknowledge_all(sockets: list[Socket]) -> None:
    """Acknowledge what came, for each socket in its turn; runs until cancelled."""
    while True:
        for slot in range(ACK_SLOTS):
            for socket in sockets[slot::ACK_SLOTS]:
                socket.take_turn()
            await asyncio.sleep(ACK_AFTER_S / ACK_SLOTS)


async def disconnect(sockets: list[Socket]) -> None:
    """Close all (RFC 6455, section 7.1.2: code 1000) and wait until the gateway has."""
    for socket in sockets:
        if not socket.closed:
            close = bytes((0x88, MASK_BIT | 2)) + ZERO_MASK + (1000).to_bytes(2, "big")
            socket.transport.write(close)
    await asyncio.gather(*(socket.gone for socket in sockets))
