"""Port numbers on the loopback address."""

from __future__ import annotations

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LOWEST = 10_000  # below it live the well-known and commonly configured ports
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections that linger from the last run (TIME_WAIT) are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def free_port() -> int:
    """A free port that the kernel will not give to an outgoing connection meanwhile.

    A port from the ephemeral range could be taken by any client's socket while the server that
    owns it is down for a moment.
    """
    try:
        highest = int(_EPHEMERAL.read_text().split()[0])
    except OSError:
        highest = 32_768
    for _ in range(200):
        port = random.randrange(_LOWEST, max(highest, _LOWEST + 1000))
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
