"""WebSocket frames as a server reads them (RFC 6455, sections 5.2 to 5.5): bytes in, messages out.

Pure, and pulled by its reader, who may stop between two messages: while a token is being checked,
what follows it has to wait. Text is not decoded here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

FRAGMENTS_MAX: Final = 256  # of one message: empty ones would be a way around every limit

_FIN: Final = 0x80
_RESERVED: Final = 0x70  # no extension is spoken
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_CONTROL: Final = 0x08  # this bit of the opcode
_MASK_BYTES: Final = 4


class Opcode(IntEnum):
    """What a frame is (section 11.8)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_TEXT: Final = int(Opcode.TEXT)
_KNOWN: Final = frozenset(int(opcode) for opcode in Opcode)


class BadBytes(Exception):
    """The peer does not speak RFC 6455, or says too much at once; the text says how."""


class FrameReader:
    """The messages of one peer."""

    __slots__ = ("_at", "_data", "_fragments", "_max_bytes", "_opcode", "_size")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes  # of a message
        self._data = b""
        self._at = 0  # what is before it has been read
        self._fragments: list[bytes] | None = None
        self._opcode = 0  # of the message in fragments
        self._size = 0  # bytes of it so far

    def feed(self, data: bytes) -> None:
        """More bytes have come."""
        if self._data:
            data = self._data[self._at :] + data
        self._data = data
        self._at = 0

    def next(self) -> tuple[int, bytes] | None:
        """The next message or control frame, (opcode, payload); None: more bytes are needed.

        Raises :class:`BadBytes`; nothing may be read after that.
        """
        while (frame := self._frame()) is not None:
            first, payload = frame
            if first == _FIN | _TEXT and self._fragments is None:
                return _TEXT, payload
            opcode = first & _OPCODE
            if opcode & _CONTROL:
                return opcode, payload
            if message := self._gather(opcode, payload, last=bool(first & _FIN)):
                return message
        return None

    def _frame(self) -> tuple[int, bytes] | None:
        """The next frame: its first byte and its payload, unmasked."""
        data, at = self._data, self._at
        size = len(data) - at
        if size < 2:
            return None
        first, second = data[at], data[at + 1]
        length, start = second & _LENGTH, at + 2
        if length > 125:
            wide = 2 if length == 126 else 8
            if size < 2 + wide:
                return None
            start += wide
            length = int.from_bytes(data[start - wide : start], "big")
        self._check(first, second, length)
        end = start + _MASK_BYTES + length
        if len(data) < end:
            return None
        if end == len(data):
            self._data, self._at = b"", 0
        else:
            self._at = end
        return first, _unmasked(data[start : start + _MASK_BYTES], data[start + _MASK_BYTES : end])

    def _check(self, first: int, second: int, length: int) -> None:
        opcode = first & _OPCODE
        if first & _RESERVED or opcode not in _KNOWN:
            raise BadBytes("an unknown kind of frame")
        if not second & _MASKED:
            raise BadBytes("a frame that is not masked")
        if opcode & _CONTROL:
            if length > 125 or not first & _FIN:
                raise BadBytes("a control frame that is long or in fragments")
        elif length + self._size > self._max_bytes:
            raise BadBytes(f"a message of more than {self._max_bytes} bytes")

    def _gather(self, opcode: int, payload: bytes, *, last: bool) -> tuple[int, bytes] | None:
        """Add a frame to the message that it is part of; that message, if this was its last."""
        if (opcode == Opcode.CONTINUATION) != (self._fragments is not None):
            raise BadBytes("a message within another, or the rest of none")
        if self._fragments is None:
            self._fragments, self._opcode = [], opcode
        self._fragments.append(payload)
        self._size += len(payload)
        if not last:
            if len(self._fragments) >= FRAGMENTS_MAX:
                raise BadBytes("a message in too many fragments")
            return None
        whole = b"".join(self._fragments)
        self._fragments, self._size = None, 0
        return self._opcode, whole


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    """``payload`` XOR the repeated mask (section 5.3)."""
    length = len(payload)
    repeated = (mask * (length // _MASK_BYTES + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(
        length, "little"
    )
