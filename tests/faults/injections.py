"""The faults, by name. Each is injected once in a run and has healed when its function returns."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from shared.crashpoints import VARIABLE
from tests.faults.mute import never_read
from tests.faults.scene import Failed, Scene

STALL_S: Final = 9.0  # longer than the leases (6 s) and every timeout between services (5 s)
CRASH_WITHIN_S: Final = 30.0
SOCKETS_DROPPED_TIMES: Final = 3

Inject = Callable[[Scene], Awaitable[None]]


async def _nothing(_: Scene) -> None:
    return


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done while people talk, and what before they come.

    ``within`` is entered for the whole run. ``expects`` is for planted defects: a kind of finding
    that there must be.
    """

    name: str
    inject: Inject
    what: str
    prepare: Inject = _nothing
    within: Callable[[], AbstractContextManager[object]] = nullcontext
    expects: str = ""


def _kill(kind: str) -> Fault:
    async def inject(scene: Scene) -> None:
        name = scene.victim(kind)
        await scene.kill(name)
        await asyncio.sleep(scene.plan.down_s)
        await scene.start(name)

    return Fault(f"kill-{kind}", inject, f"SIGKILL one {kind}, start it again seconds later")


def _restart(kind: str) -> Fault:
    async def inject(scene: Scene) -> None:
        name = scene.victim(kind)
        scene.restarted.add(name)
        await asyncio.to_thread(scene.stack.processes[name].stop)
        await scene.start(name)

    return Fault(f"restart-{kind}", inject, f"SIGTERM one {kind} and start it again")


def _stall(kind: str) -> Fault:
    async def inject(scene: Scene) -> None:
        name = kind if kind in scene.stack.processes else scene.victim(kind)
        await scene.stall(name, STALL_S)

    return Fault(f"stall-{kind}", inject, f"SIGSTOP one {kind} for {STALL_S:g} s")


def _crash(kind: str, point: str, what: str) -> Fault:
    """All replicas are armed: which of them is asked for most is theirs to decide."""

    async def prepare(scene: Scene) -> None:
        settings = {VARIABLE: f"{point}:{scene.plan.passes}:{scene.folder / 'crashed'}"}
        await asyncio.gather(*(scene.restart(name, settings) for name in scene.of(kind)))

    async def inject(scene: Scene) -> None:
        processes = scene.stack.processes
        await scene.wait_for(
            lambda: not all(processes[name].alive for name in scene.of(kind)), CRASH_WITHIN_S
        )
        (dead,) = (name for name in scene.of(kind) if not processes[name].alive)
        await asyncio.sleep(scene.plan.down_s)
        await scene.start(dead, {VARIABLE: ""})

    return Fault(f"crash-{point}", inject, what, prepare)


async def _flush_redis(scene: Scene) -> None:
    assert scene.stack.redis is not None
    await asyncio.to_thread(scene.stack.redis.wipe)


async def _crash_redis(scene: Scene, *, keep: bool) -> None:
    redis = scene.stack.redis
    assert redis is not None
    await scene.kill("redis")
    await asyncio.sleep(scene.plan.down_s)
    if not keep:
        for file in redis.folder.glob("appendonly*"):
            await asyncio.to_thread(shutil.rmtree, file)
    await asyncio.to_thread(redis.start)


async def _crash_postgres(scene: Scene) -> None:
    postgres = scene.stack.postgres
    assert postgres is not None
    # The immediate shutdown: every session is cut, nothing is written, recovery at the next start.
    postgres.process.send(signal.SIGQUIT)
    await scene.wait_for(lambda: not postgres.process.alive)
    await asyncio.sleep(scene.plan.down_s)
    await asyncio.to_thread(postgres.start)


async def _drop_sockets(scene: Scene) -> None:
    for _ in range(SOCKETS_DROPPED_TIMES):
        if not scene.relay.drop_all():
            raise Failed("there was no socket to drop")
        await asyncio.sleep(scene.plan.down_s / SOCKETS_DROPPED_TIMES)


async def _crash_clients(scene: Scene) -> None:
    """A third of the devices end with events on their sockets that they have not acknowledged, and
    come back with what their stores hold."""
    scene.relay.refuse(True)
    scene.relay.drop_all()
    await scene.wait_for(lambda: not any(device.connected for device in scene.devices))
    crashed = scene.devices[scene.plan.victim % 3 :: 3]
    for device in crashed:
        await device.crash()
    scene.relay.refuse(False)
    await asyncio.sleep(scene.plan.down_s)
    for device in crashed:
        await device.start()


FAULTS: Final[tuple[Fault, ...]] = (
    Fault("none", _nothing, "no fault, to compare with"),
    *(_kill(kind) for kind in ("auth", "api", "dispatcher", "gateway")),
    *(_stall(kind) for kind in ("auth", "api", "dispatcher", "gateway", "redis", "postgres")),
    _restart("gateway"),
    Fault("redis-flush", _flush_redis, "FLUSHALL"),
    Fault(
        "redis-crash",
        lambda scene: _crash_redis(scene, keep=True),
        "SIGKILL Redis, start it again with its append-only file",
    ),
    Fault(
        "redis-empty",
        lambda scene: _crash_redis(scene, keep=False),
        "SIGKILL Redis, start it again empty",
    ),
    Fault("postgres-crash", _crash_postgres, "immediate shutdown of PostgreSQL, then recovery"),
    Fault("drop-sockets", _drop_sockets, "reset all client connections at once, three times"),
    Fault("crash-clients", _crash_clients, "a third of the clients end with unacknowledged events"),
    Fault("never-reads", never_read, "a client in a busy room never reads from its socket"),
    _crash("api", "api.after_commit", "api dies between COMMIT and XADD"),
    _crash("dispatcher", "dispatcher.after_xadd", "dispatcher dies between XADD and XACK"),
    _crash("gateway", "gateway.after_write", "gateway dies between write and the client's ack"),
)

BY_NAME: Final = {fault.name: fault for fault in FAULTS}
