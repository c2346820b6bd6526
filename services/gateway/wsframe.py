"""WebSocket frames as a server writes them (RFC 6455, section 5.2): final, unmasked.

A server's frame has no mask and so is the same for every socket: it is built once per fan-out and
written as it is.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

_FIN_TEXT: Final = 0x81
_FIN_CLOSE: Final = 0x88
_FIN_PONG: Final = 0x8A
_SHORT_MAX: Final = 125  # the length stands in the second byte
_MEDIUM_MAX: Final = 0xFFFF  # 126 stands there, 16 bits follow; else 127 and 64 bits
_CLOSE_REASON_MAX_BYTES: Final = 123  # a control frame's 125 less the code (section 5.5)

_short = Struct("!BB").pack
_medium = Struct("!BBH").pack
_long = Struct("!BBQ").pack
_close = Struct("!BBH").pack


def text_frame(payload: bytes) -> bytes:
    """A text message in one frame; ``payload`` is UTF-8."""
    length = len(payload)
    if length <= _SHORT_MAX:
        return _short(_FIN_TEXT, length) + payload
    if length <= _MEDIUM_MAX:
        return _medium(_FIN_TEXT, 126, length) + payload
    return _long(_FIN_TEXT, 127, length) + payload


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping (section 5.5.3); ``payload`` is the ping's, at most 125 bytes."""
    return _short(_FIN_PONG, len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame (section 5.5.1) with a status code and a short reason for people."""
    text = reason.encode()[:_CLOSE_REASON_MAX_BYTES].decode(errors="ignore").encode()
    return _close(_FIN_CLOSE, 2 + len(text), code) + text
