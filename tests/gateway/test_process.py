"""The gateway as operators run it: a process, an environment, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp

from shared.frames import SUBPROTOCOL
from shared.ids import new_id
from standalone.ports import free_port
from tests.gateway.issuer import ISSUER
from tests.gateway.world import Client, World
from tests.support.servers import wait_until

ROOT = Path(__file__).parents[2]


def environment(world: World, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AGILEIM_LISTEN": f"127.0.0.1:{port}",
        "AGILEIM_INSTANCE": "gw",
        "AGILEIM_REDIS_URL": world.redis_url,
        "AGILEIM_ISSUER": ISSUER,
        "AGILEIM_KEY_PREFIX": world.keys.prefix,
        "AGILEIM_API_URLS": world.backend.url,
        "AGILEIM_AUTH_URL": world.backend.url,
        "AGILEIM_CLIENT_SECRET": "s",
        "AGILEIM_DRAIN_S": "3",
    }


async def test_sigterm_sends_clients_on_and_ends_well(world: World) -> None:
    await world.backend.start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway",
        env=environment(world, port), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:

        async def ready() -> bool:
            try:
                async with world.http.get(f"{url}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await wait_until(ready, timeout_s=20)
        client = Client(await world.http.ws_connect(f"{url}/ws", protocols=(SUBPROTOCOL,)))
        await client.send(type="hello", token=world.issuer.token(new_id(), new_id()))
        await client.expect("welcome")
        process.send_signal(signal.SIGTERM)
        await client.expect("reconnect")
        assert await client.closed() == 4000
        async with asyncio.timeout(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_wrong_environment_is_told_in_one_go() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway",
        env={"PATH": os.environ["PATH"], "AGILEIM_DRAIN_S": "soon"}, cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, stderr = await process.communicate()
    assert process.returncode == 2
    for name in ("LISTEN", "REDIS_URL", "API_URLS", "CLIENT_SECRET", "DRAIN_S"):
        assert f"AGILEIM_{name}" in stderr.decode()
