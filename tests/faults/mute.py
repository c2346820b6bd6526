"""A client that signs in and then never reads from its socket, in a room with much to read."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
import time
from typing import Final
from urllib.parse import urlsplit

from shared.frames import SUBPROTOCOL, Hello, encode
from standalone.provision import Person
from tests.faults import evidence
from tests.faults.scene import Failed, Scene

SPEAKERS: Final = 3
TEXTS: Final = 210
TEXT: Final = "\N{GRINNING FACE}" * 7_900  # about 32 kB of UTF-8: near a message's limit
CUT_WITHIN_S: Final = 40.0
RECEIVE_BUFFER_BYTES: Final = 4096  # so that the kernel does not read for us


async def never_read(scene: Scene) -> None:
    """Raises :class:`Failed` when the gateway does not get rid of it."""
    owner, *others = (scene.people[user] for user in range(SPEAKERS))
    person = await scene.provision.device(scene.people[SPEAKERS])
    room = await scene.provision.group(owner, [*others, person], "Flood")
    url = scene.stack.service_url(scene.victim("gateway"))
    sock = await asyncio.to_thread(_connect, url, person)
    try:
        async with asyncio.TaskGroup() as group:
            for index in range(TEXTS):
                device = scene.devices[index % SPEAKERS]
                msg_id = f"flood-{scene.plan.seed}-{index}"
                group.create_task(device.send(room, f"{index} {TEXT}", msg_id, rest=False))
                await asyncio.sleep(0.03)
        await _await_cut(scene, person)
    finally:
        sock.close()


async def _await_cut(scene: Scene, person: Person) -> None:
    deadline = time.monotonic() + CUT_WITHIN_S
    while True:
        held = await asyncio.to_thread(evidence.fast, scene.stack.redis_url)
        if all(entry.session != person.session for entry in held.rosters):
            return
        if time.monotonic() > deadline:
            raise Failed(f"a client that reads nothing was not cut off within {CUT_WITHIN_S:g} s")
        await asyncio.sleep(0.2)


def _connect(url: str, person: Person) -> socket.socket:
    """Open, sign in, and read no more than the answer to the handshake."""
    address = urlsplit(url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    sock.settimeout(10)
    sock.connect((address.hostname, address.port))
    sock.sendall(_handshake(address.netloc))
    if not sock.recv(1024).startswith(b"HTTP/1.1 101"):
        raise Failed("the gateway did not accept the client that never reads")
    sock.sendall(_frame(encode(Hello(person.access_token))))
    return sock


def _handshake(host: str) -> bytes:
    """RFC 6455, section 4.1."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /ws HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        "Sec-WebSocket-Version: 13",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _frame(payload: bytes) -> bytes:
    """A masked text frame of up to 64 kB (RFC 6455, section 5.2)."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return struct.pack("!BBH", 0x81, 0x80 | 126, len(payload)) + mask + masked
