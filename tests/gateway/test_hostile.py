"""A slow or hostile client hurts only itself."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

import pytest

from shared.ids import new_id
from shared.limits import FRAME_MAX_BYTES
from tests.gateway.world import World
from tests.support.servers import wait_until

USER, OTHER, ROOM = new_id(), new_id(), new_id()


async def test_binary_frames_are_not_used(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.socket.send_bytes(b"{}")
    assert await client.closed() == 4500


@pytest.mark.parametrize(
    "payload", [b'{"type":"pong","x":"\xff"}', b"no json", b"[]", b'{"type":7}', b"", b"\xc3"]
)
async def test_what_is_no_frame_ends_the_connection(world: World, payload: bytes) -> None:
    await world.start()
    client = await world.client(USER)
    await client.socket._writer.send_frame(payload, 1)  # a text frame with any bytes
    assert await client.closed() == 4500


async def test_unknown_frames_are_answered_twice(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    for _ in range(2):
        await client.send(type="sing")
        error = await client.expect("error")
        assert (error["code"], error["frame"]) == ("unknown_frame", "sing")
    await client.send(type="sing")
    assert await client.closed() == 4500


async def test_a_wrong_field_is_named(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    await client.send(type="read", conversation=ROOM, seq=0)
    error = await client.expect("error")
    assert (error["code"], error["frame"], error["field"]) == ("invalid", "read", "seq")


async def test_the_largest_frame_passes_and_a_larger_one_does_not(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    head, tail = b'{"type":"pong","x":"', b'"}'
    fill = b"x" * (FRAME_MAX_BYTES - len(head) - len(tail))
    await client.socket.send_str((head + fill + tail).decode())
    await client.send(type="ack", n=1)
    await client.expect("error")
    await client.socket.send_str((head + fill + b"x" + tail).decode())
    assert await client.closed() == 4500


async def test_a_flood_of_frames_ends_it(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    for _ in range(400):
        await client.send(type="pong")
    assert await client.closed() == 4006


async def test_pings_are_answered_and_count_as_frames(world: World) -> None:
    await world.start()
    client = await world.client(USER)
    sock = await raw_client(world, OTHER)
    await wait_until(lambda: len(world.gateway.hub) == 2)
    sock.sendall(masked(b"are you there", opcode=9))
    answer = b""
    while b"\x8a\x0dare you there" not in answer:
        answer += await asyncio.get_running_loop().sock_recv(sock, 4096)
    sock.close()
    for _ in range(400):
        await client.socket.ping()
    assert await client.closed() == 4006


async def test_who_stops_reading_is_cut_and_nobody_else_notices(world: World) -> None:
    await world.start()
    good = await world.client(OTHER)
    slow = await raw_client(world, USER)
    text = "x" * 30_000
    received = 0
    for seq in range(1, 200):
        await world.deliver(ROOM, seq, [USER, OTHER], text=text)
        event = await good.expect("event")
        received += 1
        assert event["seq"] == seq
        await good.send(type="ack", n=seq)
        if world.gateway.metrics.slow_consumers:
            break
    assert world.gateway.metrics.slow_consumers == 1
    # It does not even read its close frame: its connection is cut all the same.
    await wait_until(lambda: world.gateway.admission.open == 1, timeout_s=10)
    await world.deliver(ROOM, 1000, [USER, OTHER])
    assert (await good.expect("event"))["seq"] == 1000
    await good.send(type="ack", n=received + 1)

    async def confirmed() -> bool:
        return await world.pending() == 0

    await wait_until(confirmed)
    slow.close()


async def test_who_does_not_acknowledge_is_closed(world: World) -> None:
    await world.start()
    world.gateway.parts.limits = type(world.gateway.parts.limits)(unacked_max=3)
    client = await world.client(USER)
    for seq in range(1, 5):
        await world.deliver(ROOM, seq, [USER])
    assert await client.closed() == 4001


async def test_who_answers_no_close_is_cut(world: World) -> None:
    await world.start()
    deaf = await raw_client(world, USER)
    await wait_until(lambda: len(world.gateway.hub) == 1)
    deaf.sendall(masked(b"\x00\x01", opcode=2))
    await wait_until(lambda: world.gateway.metrics.closes[4500] == 1)
    await wait_until(lambda: world.gateway.admission.open == 0, timeout_s=8)
    deaf.close()


async def test_a_connection_that_just_vanishes_is_forgotten(world: World) -> None:
    await world.start()
    client = await raw_client(world, USER)
    await wait_until(lambda: len(world.gateway.hub) == 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # a reset
    await wait_until(lambda: world.gateway.admission.open == 0)
    assert len(world.gateway.hub) == 0


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame (RFC 6455, section 5.3)."""
    mask = os.urandom(4)
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    length = len(payload)
    head = (
        bytes([0x80 | opcode, 0x80 | length])
        if length < 126
        else bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2)
    )
    return head + mask + body


async def raw_client(world: World, user: str) -> socket.socket:
    """A welcome client that reads nothing, with a small receive buffer."""
    host, port = world.url.removeprefix("http://").split(":")
    token = world.issuer.token(user, new_id())
    handshake = (
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: agileim.v1\r\n\r\n"
    ).encode()
    before = len(world.gateway.hub)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (host, int(port)))
    await loop.sock_sendall(sock, handshake)
    while b"\r\n\r\n" not in await loop.sock_recv(sock, 1024):
        pass
    await loop.sock_sendall(sock, masked(f'{{"type":"hello","token":"{token}"}}'.encode()))
    await wait_until(lambda: len(world.gateway.hub) == before + 1)
    return sock
