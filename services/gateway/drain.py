"""Leaving in good order: tell clients where to be next, let them go in batches, close."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from services.gateway.connection import Connection
from services.gateway.hub import Hub
from services.gateway.session import Phase
from shared.codes import CloseCode
from shared.frames import Reconnect
from shared.logs import get_logger

STEP_S: Final = 0.1
RECONNECTS_PER_S: Final = 500  # what the remaining gateways should have to take from this one
SPREAD_MIN_MS: Final = 500
ANSWERS_S: Final = 2.0  # for messages that are on their way to api


async def drain(
    hub: Hub,
    all_connections: Callable[[], list[Connection]],
    open_sockets: Callable[[], int],
    *,
    total_s: float,
) -> None:
    """Close every connection within about ``total_s``; returns when none is left, or then."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + total_s
    everyone = hub.everyone()
    random.shuffle(everyone)
    get_logger().info("drain_began", connections=len(everyone))
    # Half the time for saying good-bye, the rest for closing handshakes.
    _close([each for each in all_connections() if each.session.phase is Phase.HELLO])
    steps = max(1, min(len(everyone), int(total_s / 2 / STEP_S)))
    spread_ms = max(SPREAD_MIN_MS, len(everyone) * 1000 // RECONNECTS_PER_S)
    for step in range(steps):
        batch = everyone[step::steps]
        for connection in batch:
            connection.reply(Reconnect(after_ms=random.randrange(spread_ms)))
        await _answered(batch, min(ends_at, loop.time() + ANSWERS_S))
        _close(batch)
        if loop.time() < ends_at:
            await asyncio.sleep(STEP_S if step + 1 < steps else 0)
    while open_sockets() and loop.time() < ends_at:
        _close(all_connections())  # who had been let in, but was not in the hub yet
        await asyncio.sleep(STEP_S / 4)
    get_logger().info("drain_ended", left=open_sockets())


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close(CloseCode.GOING_AWAY, "this gateway is stopping")


async def _answered(batch: list[Connection], until: float) -> None:
    """Wait until no message of these connections is without its answer, or time is up."""
    loop = asyncio.get_running_loop()

    def unanswered() -> bool:
        return any(each.session.sends_in_flight for each in batch)

    while loop.time() < until and unanswered():  # noqa: ASYNC110 - bounded, and rare
        await asyncio.sleep(STEP_S / 10)
