"""GET /ws: from an HTTP request to a socket."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any, cast

from aiohttp import hdrs, web

from services.gateway.admission import RETRY_AFTER_MS, Admission
from services.gateway.connection import Connection
from services.gateway.handshake import upgrade
from services.gateway.intake import Intake
from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import write_to
from services.gateway.parts import Parts
from services.gateway.wsframe import close_frame
from shared.codes import CloseCode, ErrorCode
from shared.frames import SUBPROTOCOL
from shared.problems import Problem

TCP_USER_TIMEOUT_MS = 30_000  # a peer that confirms no byte for so long is gone (RFC 5482)


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
        response, spoken = upgrade(request, SUBPROTOCOL)
        self._admission.enter()
        try:
            await response.prepare(request)
            transport = request.transport
            if transport is None:
                return response
            if not spoken:
                reason = f"the subprotocol {SUBPROTOCOL} is needed"
                write_to(transport, close_frame(CloseCode.UNSUPPORTED_PROTOCOL, reason))
                transport.close()
                return response
            if sock := transport.get_extra_info("socket"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)
            intake = Intake(Connection(self._parts, transport), transport)
            request.protocol.set_parser(cast(Any, intake))  # from here on, bytes go there
            # A ticket is for the page that asked for it.
            origin = request.headers.get(hdrs.ORIGIN, "")
            await intake.run(partial(self._parts.signin.check, origin=origin))
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
