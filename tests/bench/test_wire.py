"""The load generator's WebSocket client reads what a gateway writes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import msgspec
import pytest

from bench.wire import ACK_AFTER_EVENTS, PONG, Socket, client_frame, message_frame
from shared import frames

CONVERSATION = "018f2d4e-7c3a-7b1e-8f00-000000000001"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
NOW = datetime(2025, 1, 1, tzinfo=UTC)


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        pass


def server_frame(frame: frames.ServerFrame) -> bytes:
    payload = frames.encode(frame)
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    return bytes((0x81, 126)) + len(payload).to_bytes(2, "big") + payload


def event(message: int) -> bytes:
    return server_frame(
        frames.Event(
            CONVERSATION,
            1,
            "message",
            "u",
            NOW,
            1,
            msgspec.Raw(b'{"text":"hi"}'),
            f"{message:019d}",
        )
    )


@pytest.fixture
async def opened() -> tuple[Socket, Wire]:
    wire = Wire()
    socket = Socket("token", "localhost")
    socket.connection_made(cast(asyncio.Transport, wire))
    socket.data_received(SWITCHED)
    return socket, wire


async def test_it_says_hello_after_the_upgrade(opened: tuple[Socket, Wire]) -> None:
    _, wire = opened
    assert wire.written[0].startswith(b"GET /ws HTTP/1.1\r\n")
    assert wire.written[1] == client_frame(frames.encode(frames.Hello("token", "agileim-bench")))


@pytest.mark.parametrize("piece", [1, 3, 100, 10_000])
async def test_frames_are_found_however_the_bytes_arrive(
    opened: tuple[Socket, Wire], piece: int
) -> None:
    socket, wire = opened
    seen: list[tuple[str, int]] = []
    socket.on_event = lambda _, message: seen.append(("event", message))
    socket.on_sent = lambda _, message: seen.append(("sent", message))
    stream = (
        event(7)
        + server_frame(frames.Sent(f"{8:019d}", CONVERSATION, 2, 2, NOW))
        + server_frame(frames.Ping())
        + event(9)
    )
    for start in range(0, len(stream), piece):
        socket.data_received(stream[start : start + piece])
    assert seen == [("event", 7), ("sent", 8), ("event", 9)]
    assert wire.written[-1] == PONG


async def test_events_without_a_message_id_are_only_counted(opened: tuple[Socket, Wire]) -> None:
    socket, _ = opened
    body = msgspec.Raw(b'{"name":"new"}')
    renamed = frames.Event(CONVERSATION, 1, "conversation_renamed", "u", NOW, 1, body)
    socket.data_received(server_frame(renamed))
    assert socket.events == 1


async def test_events_are_acknowledged_after_32_of_them(opened: tuple[Socket, Wire]) -> None:
    socket, wire = opened
    for message in range(ACK_AFTER_EVENTS):
        socket.data_received(event(message))
    assert wire.written[-1] == client_frame(b'{"type":"ack","n":32}')


async def test_a_refused_upgrade_fails_the_welcome(opened: tuple[Socket, Wire]) -> None:
    socket = Socket("token", "localhost")
    socket.connection_made(cast(asyncio.Transport, Wire()))
    socket.data_received(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    with pytest.raises(Exception, match="503"):
        await socket.welcomed


def test_a_message_frame_is_a_send_that_the_gateway_can_read() -> None:
    frame = message_frame(CONVERSATION, "hello " * 30)(123)
    assert frame[:2] == bytes((0x81, 0x80 | 126))
    sent = frames.decode_client_frame(frame[8:])
    assert isinstance(sent, frames.Send)
    assert (int(sent.id), sent.conversation) == (123, CONVERSATION)
