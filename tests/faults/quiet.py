"""The end of a run: wait until nothing is missing, then until nothing is left of anybody."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import psycopg2
import redis

from tests.faults import evidence
from tests.faults.checker import check
from tests.faults.devices import Device
from tests.faults.history import Gauge, History, WatchView
from tests.faults.scene import Failed, Scene

LOOK_EVERY_S: Final = 0.5
LEFT_WITHIN_S: Final = 20.0  # longer than the 15 s for which services keep idle connections
SERVICES: Final = ("auth", "api", "dispatcher", "gateway")

Gauges = dict[tuple[str, str], float]  # (process, metric) → value


async def settle(scene: Scene, history: History, within_s: float) -> None:
    """Look again and again until nothing is missing, or the time is over."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            await asyncio.to_thread(_gather, scene, history)
        except (psycopg2.Error, redis.RedisError) as error:
            if time.monotonic() > deadline:
                raise Failed(f"no evidence to be had: {error}") from error
        else:
            if not check(history) or time.monotonic() > deadline:
                return
        await asyncio.sleep(LOOK_EVERY_S)


def _gather(scene: Scene, history: History) -> None:
    """What servers and devices hold now, into the history."""
    stored = evidence.stored(scene.stack.database_url)
    held = evidence.fast(scene.stack.redis_url)
    history.stored, history.heads, history.founders = stored.events, stored.heads, stored.founders
    history.rosters, history.dead = held.rosters, held.dead
    history.pending = {**held.pending, "outbox": stored.outbox}
    history.sends = [send for device in scene.devices for send in device.sends]
    history.deeds = [deed for device in scene.devices for deed in device.deeds]
    history.tables = stored.tables
    history.devices = [device.log for device in scene.devices]
    for device in scene.devices:
        device.log.connected = device.connected
    history.watches = [
        WatchView(device=device.log.name, conversation=conversation, online=frozenset(online))
        for device in scene.devices
        for conversation, online in device.online.items()
    ]


async def switch_off(devices: list[Device]) -> None:
    await asyncio.gather(*(device.stop() for device in devices))


async def leave(scene: Scene, history: History, before: Gauges) -> None:
    """Everybody goes; then nothing of them may be left."""
    await switch_off(scene.devices)
    deadline = time.monotonic() + LEFT_WITHIN_S
    while True:
        held = await asyncio.to_thread(evidence.fast, scene.stack.redis_url)
        after = await asyncio.to_thread(gauges, scene)
        history.left_behind = held.rosters
        history.gauges = [
            Gauge(
                process=process, name=name, before=value, after=after[process, name],
                slack=evidence.slack(process, name),
            )
            for (process, name), value in before.items()
            if process not in scene.restarted and (process, name) in after
        ]  # fmt: skip
        left = History(left_behind=history.left_behind, gauges=history.gauges)
        if not check(left) or time.monotonic() > deadline:
            return
        await asyncio.sleep(LOOK_EVERY_S)


def gauges(scene: Scene) -> Gauges:
    return {
        (process, name): value
        for process in scene.stack.processes
        if process.startswith(SERVICES)
        for name, value in evidence.gauges(scene.stack.service_url(process)).items()
    }
