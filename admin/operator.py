"""Who runs a command, and what they can reach; opened when it is first needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp
from msgspec import Struct
from redis.asyncio import Redis

from admin.errors import AdminError, NotFound, Unreachable
from admin.output import Output
from admin.settings import AdminSettings
from shared import redis_client
from shared.administration import By, Deed
from shared.ids import new_id
from shared.keys import Keys
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable, ServiceTokens

BASE: Final = "/internal/v1/admin"

T = TypeVar("T")


class Operator:
    """What a command is given."""

    def __init__(self, settings: AdminSettings, out: Output, reason: str = "") -> None:
        self.settings = settings
        self.out = out
        self.by = By(settings.who, reason)
        self.keys = Keys(settings.key_prefix)
        self._exit = AsyncExitStack()
        self._api: ApiClient | None = None
        self._redis: Redis | None = None
        self._http: aiohttp.ClientSession | None = None

    async def http(self) -> aiohttp.ClientSession:
        """For plain HTTP."""
        if self._http is None:
            self._http = await self._exit.enter_async_context(aiohttp.ClientSession())
        return self._http

    async def ask(
        self,
        method: str,
        path: str,
        reply: type[T],
        body: Struct | None = None,
        **params: str | int,
    ) -> T:
        """Ask api; ``path`` below /internal/v1/admin. Raises AdminError."""
        if self._api is None:
            self.settings.need("api_urls", "auth_url", "client_secret")
            http = await self.http()
            own = self.settings
            tokens = ServiceTokens(own.auth_url, own.client_id, own.client_secret, http)
            self._api = ApiClient(own.api_urls, tokens, http)
        given = {name: value for name, value in params.items() if value != ""}
        try:
            return await self._api.call(
                method, BASE + path, body, reply,
                timeout_s=self.settings.timeout_s, params=given or None,
            )  # fmt: skip
        except ApiRefused as error:
            if error.status == 404:
                raise NotFound(error.detail) from error
            raise AdminError(f"api refuses: {error.detail or error.code}") from error
        except ApiUnavailable as error:
            raise Unreachable(f"api does not answer: {error}") from error

    async def redis(self) -> Redis:
        """The services' Redis."""
        if self._redis is None:
            self.settings.need("redis_url")
            self._redis = redis_client.connect(self.settings.redis_url, max_connections=2)
            self._exit.push_async_callback(self._redis.aclose)
        return self._redis

    async def note(self, what: str, detail: str) -> None:
        """Have a change audited that api does not make. Before it is made: one that cannot be
        audited is not made."""
        await self.ask("POST", "/audit", type(None), Deed(new_id(), what, self.by, detail))

    async def close(self) -> None:
        """Close what was opened."""
        await self._exit.aclose()


@asynccontextmanager
async def operator(
    settings: AdminSettings, out: Output, reason: str = ""
) -> AsyncIterator[Operator]:
    """An operator for one command."""
    one = Operator(settings, out, reason)
    try:
        yield one
    finally:
        await one.close()


Facts = Mapping[str, Any]
