"""From a socket's bytes to its connection, at once: no task wakes for a frame.

It stands where aiohttp puts its own parser of what follows an upgrade
(``RequestHandler.set_parser``): bytes come by a plain call. Only a token's check has to be waited
for; what the peer says meanwhile stays unread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.gateway.connection import Connection
from services.gateway.wsreader import BadBytes, FrameReader, Opcode
from shared.codes import CloseCode
from shared.limits import FRAME_MAX_BYTES
from shared.logs import get_logger

Check = Callable[[Connection, str], Awaitable[None]]

_NOTHING_LEFT = (False, b"")


class Intake:
    """What reads for one connection."""

    __slots__ = ("_answer", "_checking", "_connection", "_ended", "_frames", "_transport", "_wake")

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection = connection
        self._transport = transport
        self._frames = FrameReader(FRAME_MAX_BYTES)
        self._checking = ""  # a token
        self._ended = False
        self._answer = False  # the peer's close frame waits for ours
        self._wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- aiohttp's side ---------------------------------------------------------------------

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Bytes have come."""
        if not self._ended:
            self._frames.feed(data)
            if self._checking:
                with suppress(RuntimeError):  # it is closing
                    self._transport.pause_reading()
            else:
                self._read()
        return _NOTHING_LEFT

    def feed_eof(self) -> None:
        """The connection is gone."""
        self._end()

    # --- reading ----------------------------------------------------------------------------

    async def run(self, check: Check) -> None:
        """Have tokens checked until the socket ends."""
        try:
            while not await self._is_over():
                token, self._checking = self._checking, "…"  # it is long, and not needed again
                await check(self._connection, token)
                del token
                self._checking = ""
                with suppress(RuntimeError):
                    self._transport.resume_reading()
                self._read()
        except Exception:
            self._failed()
        finally:
            self._ended = True
            self._connection.ended(answer=self._answer)

    async def _is_over(self) -> bool:
        """Wait for a token or the end."""
        if not self._ended and not self._checking:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        return self._ended

    def _read(self) -> None:
        take, following = self._connection.take, self._frames.next
        try:
            while not self._ended and (message := following()) is not None:
                opcode, payload = message
                if opcode == Opcode.CLOSE:
                    self._answer = True
                    self._end()
                elif token := take(opcode, payload):
                    self._checking = token
                    self._stir()
                    return
        except BadBytes as error:
            self._connection.close(CloseCode.BAD_FRAME, str(error))
            self._end()
        except Exception:
            self._failed()

    def _failed(self) -> None:
        get_logger().exception("connection_failed", conn_id=self._connection.id)
        self._connection.close(CloseCode.INTERNAL, "something went wrong on our side")
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._stir()

    def _stir(self) -> None:
        if not self._wake.done():
            self._wake.set_result(None)
