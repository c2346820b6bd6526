"""What this machine can do at this moment, to compare figures of different days by ratio."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path
from statistics import median
from typing import Final

LOOP_STEPS: Final = 1_000_000
ECHOES: Final = 5_000
BURST_SOCKETS: Final = 500
BURSTS: Final = 40
BURST_PAUSE_S: Final = 0.05
FSYNCS: Final = 100
BLOCK: Final = bytes(8192)  # a WAL page


def python_loop_ms() -> float:
    """CPU time of a fixed loop in pure Python."""
    before = time.process_time()
    value = 1
    for step in range(LOOP_STEPS):
        value = (value * 31 + step) & 0xFFFFFFFF
    return (time.process_time() - before) * 1e3


def loopback_echo_us() -> float:
    """Median time of a round trip of 100 bytes between two threads over loopback TCP."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := peer.recv(4096):
                peer.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    times = []
    with listener, socket.create_connection(listener.getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ECHOES):
            before = time.perf_counter()
            client.sendall(BLOCK[:100])
            client.recv(4096)
            times.append(time.perf_counter() - before)
    thread.join()
    return median(times) * 1e6


def burst_write_us() -> float:
    """CPU time to write an event of 300 bytes to one of 500 sockets, 20 times a second to all.

    The bare system call, from cold caches: what room_10000 cannot fall below.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=BURST_SOCKETS) as listener:
        writers = [socket.create_connection(listener.getsockname()) for _ in range(BURST_SOCKETS)]
        readers = [listener.accept()[0] for _ in writers]
    spent = 0.0
    try:
        for writer in writers:
            writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(BURSTS):  # what they write fits the readers' buffers
            time.sleep(BURST_PAUSE_S)
            before = time.thread_time()
            for writer in writers:
                writer.send(BLOCK[:300])
            spent += time.thread_time() - before
    finally:
        for each in (*writers, *readers):
            each.close()
    return spent / BURSTS / BURST_SOCKETS * 1e6


def fsync_ms(folder: Path) -> float:
    """Median time to append 8 KiB and have it on the disk, where the database is."""
    path = folder / "fsync-probe"
    times = []
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            for _ in range(FSYNCS):
                before = time.perf_counter()
                os.write(descriptor, BLOCK)
                os.fdatasync(descriptor)  # as PostgreSQL does with its log on Linux
                times.append(time.perf_counter() - before)
        finally:
            os.close(descriptor)
    finally:
        path.unlink(missing_ok=True)
    return median(times) * 1e3


async def calibrate(folder: Path) -> dict[str, float]:
    """All, one after another."""
    return {
        "python_loop_ms": round(python_loop_ms(), 1),
        "loopback_echo_us": round(await asyncio.to_thread(loopback_echo_us), 1),
        "burst_write_us": round(await asyncio.to_thread(burst_write_us), 2),
        "fsync_ms": round(await asyncio.to_thread(fsync_ms, folder), 3),
    }
