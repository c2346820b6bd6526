"""What happens to installations, as faults of :mod:`tests.faults`: updates, and lost machines."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from standalone.services import PROJECT
from tests.faults.injections import Fault
from tests.faults.scene import Failed, Scene

# As an update goes: who owns the data first, who holds the sockets last.
ORDER: Final = ("api", "auth", "dispatcher", "gateway")
NODE_DOWN_S: Final = 8.0  # longer than any lease


async def restart_one(scene: Scene, name: str, code: Path = PROJECT) -> None:
    """SIGTERM, then the same settings on this code, as soon as it has ended."""
    scene.restarted.add(name)
    process = scene.stack.processes[name]
    await asyncio.to_thread(process.stop)
    process.launch = replace(process.launch, cwd=code)
    await scene.start(name)


async def rolling_restart(scene: Scene) -> None:
    """Every process, one after the other, each ready before the next is stopped."""
    for kind in ORDER:
        for name in scene.of(kind):
            await restart_one(scene, name)


async def lose_node(scene: Scene) -> None:
    """A machine with a gateway, a dispatcher and an api on it goes, and comes back."""
    names = [scene.victim(kind) for kind in ("gateway", "dispatcher", "api")]
    await asyncio.gather(*(scene.kill(name) for name in names))
    await asyncio.sleep(NODE_DOWN_S)
    await asyncio.gather(*(scene.start(name) for name in names))


async def restart_postgres(scene: Scene) -> None:
    """A restart in good order, as for a minor update: sessions are cut."""
    postgres = scene.stack.postgres
    assert postgres is not None
    await asyncio.to_thread(postgres.process.stop)
    await asyncio.to_thread(postgres.start)


async def migrate(scene: Scene) -> None:
    """The new version's schema, under the feet of the old one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.api", "--migrate", cwd=PROJECT,
        env={**os.environ, "AGILEIM_DATABASE_URL": scene.stack.database_url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode or b"nothing" in said:
        raise Failed(f"the new version's migrations: {said.decode()}")


async def update(scene: Scene) -> None:
    """From the code that the stack was started with to this: schema, then process by process."""
    await migrate(scene)
    await asyncio.sleep(2.0)  # the old version on the new schema, under load
    await rolling_restart(scene)


ROLLING: Final = Fault("rolling-restart", rolling_restart, "every process restarted in turn")
NODE_LOST: Final = Fault("node-lost", lose_node, "a gateway, a dispatcher and an api die together")
POSTGRES: Final = Fault("postgres-restart", restart_postgres, "PostgreSQL restarted in order")
UPDATE: Final = Fault("update", update, "the former version, the new schema, then the new version")
