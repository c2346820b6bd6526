"""Connections as such: what an idle one costs, and how fast many come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.pace import take_turns
from bench.target import Target
from bench.usage import Spent, rss_bytes
from bench.window import latencies_ms
from bench.wire import Socket, acknowledge_all, connect, disconnect
from standalone.provision import Person

SETTLE_S = 2.0  # for connections' first frames and the allocator


@asynccontextmanager
async def signed_in(target: Target, people: list[Person]) -> AsyncIterator[list[Socket]]:
    """A signed-in socket for each, which acknowledges what it gets; all closed at the end."""
    tokens = [person.access_token for person in people]
    sockets = await connect(target.gateway, tokens)
    keepers = [asyncio.create_task(acknowledge_all(sockets))]
    if target.turn_s:
        keepers.append(asyncio.create_task(take_turns(target.turn_s)))
    try:
        yield sockets
    finally:
        for keeper in keepers:
            keeper.cancel()
        await disconnect(sockets)


async def idle(target: Target, count: int, measured_s: float) -> dict[str, Any]:
    """Memory of the gateway per connection, and the CPU that idle ones take.

    All connections belong to one session each of as many people.
    """
    people = await target.provision.people(count, "idle")
    async with signed_in(target, people[: min(100, count)]):
        await asyncio.sleep(0.5)  # what the first connections ever cost is not theirs alone
    gateways = target.servers["gateway"]
    before = sum(rss_bytes(pid) for pid in gateways)
    async with signed_in(target, people):
        await asyncio.sleep(SETTLE_S)
        after = sum(rss_bytes(pid) for pid in gateways)
        sample = target.meter.sample()
        await asyncio.sleep(measured_s)
        spent = Spent.between(sample, target.meter.sample())
        settled = sum(rss_bytes(pid) for pid in gateways)
    cpu = {name: value / spent.seconds for name, value in spent.us_per(count).items()}
    return {
        "idle": {
            "connections": count,
            "kib_per_connection": round(
                max(after, settled) / 1024 / count - before / 1024 / count, 2
            ),
            "cpu_us_per_connection_per_s": {name: round(value, 2) for name, value in cpu.items()},
            "seconds": round(spent.seconds, 2),
        }
    }


async def reconnect(target: Target, count: int) -> dict[str, Any]:
    """Many clients at once: TCP, upgrade, `hello`, `welcome`.

    Cold: with tokens that the gateway has not seen (each costs a signature check). Warm: the same
    tokens again, as after a cut.
    """
    people = await target.provision.people(count, "reconnect")
    tokens = [person.access_token for person in people]
    return {
        "reconnect_cold": await _connect_all(target, tokens),
        "reconnect_warm": await _connect_all(target, tokens),
    }


async def _connect_all(target: Target, tokens: list[str]) -> dict[str, Any]:
    sample = target.meter.sample()
    start = time.perf_counter()
    sockets = await connect(target.gateway, tokens)
    seconds = time.perf_counter() - start
    await asyncio.sleep(0.2)  # what follows a connect belongs to its cost
    spent = Spent.between(sample, target.meter.sample())
    waits_ns = [int((socket.welcomed_at - socket.opened_at) * 1e9) for socket in sockets]
    await disconnect(sockets)
    return {
        "connections": len(tokens),
        "seconds": round(seconds, 2),
        "connects_per_s": round(len(tokens) / seconds, 1),
        "latency_ms": latencies_ms(waits_ns),
        "cpu_us": {name: round(value, 1) for name, value in spent.us_per(len(tokens)).items()},
    }
