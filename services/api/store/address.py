"""Which of a host's addresses PostgreSQL answers at."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from psycopg2.extensions import parse_dsn

TRY_S = 1.0


async def reachable_address(url: str) -> str | None:
    """An IP address for libpq's ``hostaddr``, or None where the URL says all.

    libpq tries one address of a name after the other, each with a socket of its own; aiopg watches
    only the first one and would wait for it until its time is up. So the choice is made here.
    """
    parts = parse_dsn(url)
    host = parts.get("host", "")
    if not host or host.startswith(("/", "@")) or "," in host or "hostaddr" in parts:
        return None
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, int(parts.get("port", 5432)), type=socket.SOCK_STREAM)
    except OSError:
        return None  # libpq says what is wrong with the name
    places = list(dict.fromkeys((str(info[4][0]), int(info[4][1])) for info in found))
    if len(places) < 2:
        return None
    for address, port in places:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TRY_S):
                _, writer = await asyncio.open_connection(address, port)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return address
    return None
