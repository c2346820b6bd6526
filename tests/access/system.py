"""api, a dispatcher and a gateway in this process, for what clients say over the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestServer

from services.api.settings import ApiSettings
from services.dispatcher.app import create_app as dispatcher_app
from services.dispatcher.handlers import WORKER
from services.dispatcher.settings import DispatcherSettings
from services.gateway.app import GATEWAY, Gateway
from services.gateway.app import create_app as gateway_app
from services.gateway.settings import GatewaySettings
from shared.frames import SUBPROTOCOL
from shared.settings import HostPort, Secret
from tests.api.rig import RunningApi, running_api
from tests.gateway.world import Client
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer


@dataclass
class System:
    """The services; ``gateway`` for what is told to nobody."""

    api: RunningApi
    gateway: Gateway
    url: str

    async def socket(self) -> Client:
        """A socket that has said nothing yet."""
        return Client(await self.api.http.ws_connect(f"{self.url}/ws", protocols=(SUBPROTOCOL,)))


@asynccontextmanager
async def running_system(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[System]:
    """All three. One partition, so that signals keep the order in which they were given."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(running_api(settings, issuer))
        common: dict[str, Any] = {
            "listen": HostPort("127.0.0.1", 0), "redis_url": Secret(settings.redis_url),
            "issuer": issuer.url, "key_prefix": settings.key_prefix,
            "partitions": settings.partitions, "api_urls": (api.url,), "auth_url": issuer.url,
            "client_secret": Secret("s"),
        }  # fmt: skip
        dispatcher = TestServer(
            dispatcher_app(DispatcherSettings(instance="d", drain_s=0.5, block_ms=50, **common)),
            host="127.0.0.1",
        )
        await dispatcher.start_server()
        stack.push_async_callback(dispatcher.close)
        gateway = TestServer(
            gateway_app(GatewaySettings(instance="g", drain_s=0.1, **common)), host="127.0.0.1"
        )
        await gateway.start_server()
        stack.push_async_callback(gateway.close)
        parts, worker = gateway.app[GATEWAY], dispatcher.app[WORKER]
        await wait_until(lambda: parts.registration.identity)
        await wait_until(lambda: len(worker.owned) == settings.partitions, timeout_s=20.0)
        yield System(api, parts, str(gateway.make_url("")).rstrip("/"))
