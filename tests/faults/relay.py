"""A TCP relay of our own before the edge: it can drop all connections at once."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Relay:
    """Carries bytes between clients and ``host:port``; use as an async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._target = (host, port)
        self._ends: set[_End] = set()
        self._refusing = False

    async def __aenter__(self) -> Relay:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Accepted(self._target, self._ends, lambda: self._refusing),
            "127.0.0.1",
            0,
            backlog=1024,
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop_all()

    def drop_all(self) -> int:
        """Reset every connection, without a word; how many there were."""
        ends = list(self._ends)
        for end in ends:
            end.reset()
        return len(ends) // 2

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are reset at once."""
        self._refusing = refusing


class _End(asyncio.Protocol):
    """One socket; what it reads goes to the other end, as fast as that one takes it."""

    def __init__(self, ends: set[_End]) -> None:
        self._ends = ends
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []  # read before there was another end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ends.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ends.discard(self)
        if self.other and self.other.transport:
            self.other.transport.close()

    def reset(self) -> None:
        if self.transport is not None:
            peer: socket.socket = self.transport.get_extra_info("socket")
            if peer.fileno() >= 0:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()


class _Accepted(_End):
    """The client's socket; opens the other one."""

    def __init__(
        self, target: tuple[str, int], ends: set[_End], refusing: Callable[[], bool]
    ) -> None:
        super().__init__(ends)
        self._target = target
        self._refusing = refusing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._refusing():
            self.reset()
            return
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, other = await loop.create_connection(lambda: _End(self._ends), *self._target)
        except OSError:
            self.reset()
            return
        assert other.transport is not None
        if self not in self._ends:  # the client has gone meanwhile
            other.transport.abort()
            return
        for data in self.early:
            other.transport.write(data)
        self.early.clear()
        self.other, other.other = other, self
