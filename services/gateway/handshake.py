"""The opening handshake (RFC 6455, section 4.2), and the response that leaves the socket to us."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web

from shared.codes import ErrorCode
from shared.problems import Problem

VERSION: Final = "13"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES: Final = 16


class Upgrade(web.StreamResponse):
    """101 Switching Protocols: what follows is not HTTP."""

    _length_check = False

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(status=101, headers=headers)
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """There is no body to end."""


def upgrade(request: web.Request, subprotocol: str) -> tuple[Upgrade, bool]:
    """The answer to a handshake, and whether the client offers ``subprotocol``.

    Raises Problem when the request is no handshake.
    """
    headers = request.headers
    tokens = {token.strip().lower() for token in headers.get(hdrs.CONNECTION, "").split(",")}
    if headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket" or "upgrade" not in tokens:
        raise Problem(ErrorCode.INVALID, "this is for WebSockets only", field=hdrs.UPGRADE)
    if headers.get(hdrs.SEC_WEBSOCKET_VERSION, "").strip() != VERSION:
        raise Problem(
            ErrorCode.INVALID, f"version {VERSION} is needed", field=hdrs.SEC_WEBSOCKET_VERSION
        )
    key = headers.get(hdrs.SEC_WEBSOCKET_KEY, "").strip()
    answer: dict[str, str] = {
        hdrs.UPGRADE: "websocket",
        hdrs.CONNECTION: "Upgrade",
        hdrs.SEC_WEBSOCKET_ACCEPT: _accept(key),
    }
    offered = ",".join(headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())).split(",")
    spoken = subprotocol in (protocol.strip() for protocol in offered)
    if spoken:
        answer[hdrs.SEC_WEBSOCKET_PROTOCOL] = subprotocol
    return Upgrade(answer), spoken


def _accept(key: str) -> str:
    try:
        if len(base64.b64decode(key, validate=True)) != _KEY_BYTES:
            raise binascii.Error
    except (binascii.Error, ValueError):
        raise Problem(
            ErrorCode.INVALID, "must be 16 bytes in base64", field=hdrs.SEC_WEBSOCKET_KEY
        ) from None
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
