"""GET /ws: from an HTTP request to a socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Literal

from aiohttp import WSCloseCode, hdrs, web

from services.gateway.admission import RETRY_AFTER_MS, Admission
from services.gateway.connection import CLOSE_TIMEOUT_S, Connection
from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import write_to
from services.gateway.parts import Parts
from services.gateway.wsframe import close_frame
from shared.codes import CloseCode, ErrorCode
from shared.frames import SUBPROTOCOL
from shared.limits import FRAME_MAX_BYTES
from shared.problems import Problem

TCP_USER_TIMEOUT_MS = 30_000  # a peer that confirms no byte for so long is gone (RFC 5482)


class GatewaySocket(web.WebSocketResponse[Literal[False]]):
    """aiohttp's side of one socket: the handshake, and frames to messages.

    No compression: it would cost 90 KiB for each connection. Text stays bytes. Nothing is written
    through it in normal work; what aiohttp itself closes, on broken frames, is bounded in time.
    """

    def __init__(self) -> None:
        super().__init__(
            protocols=(SUBPROTOCOL,),
            compress=False,
            # aiohttp refuses what is not below its limit; ours is inclusive.
            max_msg_size=FRAME_MAX_BYTES + 1,
            autoclose=False,
            autoping=False,  # pings count as frames, or they would be a way around the limit
            timeout=CLOSE_TIMEOUT_S,
            decode_text=False,
        )

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Close with this protocol's codes. A peer that does not read is cut off."""
        if code in (WSCloseCode.PROTOCOL_ERROR, WSCloseCode.MESSAGE_TOO_BIG):
            code = CloseCode.BAD_FRAME
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                return await super().close(code=code, message=message, drain=drain)
        except TimeoutError:
            if self._req is not None and self._req.transport is not None:
                self._req.transport.abort()
            return True


class SocketHandler:
    """Lets sockets in."""

    def __init__(
        self,
        parts: Parts,
        admission: Admission,
        metrics: GatewayMetrics,
        origins: frozenset[str],
    ) -> None:
        self._parts = parts
        self._admission = admission
        self._metrics = metrics
        self._origins = origins

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self._check_origin(request)
        self._admit()
        response = GatewaySocket()
        self._admission.enter()
        try:
            await response.prepare(request)
            transport = request.transport
            if transport is None:
                return response
            if response.ws_protocol != SUBPROTOCOL:
                reason = f"the subprotocol {SUBPROTOCOL} is needed"
                write_to(transport, close_frame(CloseCode.UNSUPPORTED_PROTOCOL, reason))
                transport.close()
                return response
            if sock := transport.get_extra_info("socket"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)
            await Connection(self._parts, transport).run(response)
        finally:
            self._admission.leave()
        return response

    def _check_origin(self, request: web.Request) -> None:
        # A page of another site must not use a visitor's browser (RFC 6455, section 10.2). What is
        # not a browser sends no Origin.
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin not in self._origins:
            self._metrics.refused_connects["origin"] += 1
            raise Problem(ErrorCode.FORBIDDEN, "pages of this origin may not connect")

    def _admit(self) -> None:
        if reason := self._admission.refusal():
            self._metrics.refused_connects[reason] += 1
            raise Problem(
                ErrorCode.UNAVAILABLE,
                "no more connections are let in now",
                retry_after_ms=RETRY_AFTER_MS,
            )
