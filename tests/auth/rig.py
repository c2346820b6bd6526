"""auth as it runs, on a real Redis, with api's account records on a real PostgreSQL behind it."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from aiohttp.typedefs import Handler

from services.api.access import Access
from services.api.handlers import (
    internal_accounts,
    internal_clients,
    internal_emails,
    internal_factors,
    internal_outside,
)
from services.api.store.database import Database
from services.api.store.errors import StoreError
from services.api.store.migrate import migrate
from services.auth.app import create_app
from services.auth.resources import AUTH, Auth
from services.auth.settings import AuthSettings
from shared import redis_client
from shared.codes import ErrorCode
from shared.entries import Revocation, decode_revocation
from shared.internal import AUDIENCE
from shared.keys import Keys
from shared.problems import Problem
from shared.revocations import RevokedSessions
from shared.runner import base_app
from shared.settings import HostPort, Secret
from shared.tokens import TokenVerifier
from tests.support.signin import Browser, CodeRequest, Page, browser, exchange

PASSWORD = "correct staple battery"
GATEWAY_SECRET = "a-secret-of-the-gateway"
PARTNER_SECRET = "a-secret-of-the-partner"
PARTNER_URI = "https://partner.example/back"

SERVICE_CLIENTS = {
    "admin": {"secret": "a-secret-of-the-operators", "scopes": ["internal.admin"]},
    "gateway": {"secret": GATEWAY_SECRET, "scopes": ["internal.gateway"]},
    "harness": {"secret": "another-secret-value", "scopes": ["internal.gateway", "internal.auth"]},
}
CLIENTS = [
    {"client_id": "partner", "name": "Partner <b>", "redirect_uris": [PARTNER_URI],
     "scopes": ["openid", "chat"], "secret": PARTNER_SECRET,
     "post_logout_redirect_uris": [PARTNER_URI]},
    {"client_id": "spa", "name": "Application", "redirect_uris": ["http://127.0.0.1/callback"],
     "post_logout_redirect_uris": ["http://127.0.0.1/"],
     "grants": ["authorization_code", "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code"]},
    {"client_id": "native", "name": "Native", "redirect_uris": ["org.example.app:/back"]},
]  # fmt: skip


@dataclass
class Clock:
    """Time that the test moves."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@dataclass
class Front:
    """auth, and what tests ask of it."""

    url: str
    settings: AuthSettings
    auth: Auth
    clock: Clock
    http: aiohttp.ClientSession

    async def post(
        self, path: str, form: dict[str, str] | list[tuple[str, str]], **options: Any
    ) -> tuple[int, dict[str, Any], Any]:
        """Status, JSON and headers of the answer to a form."""
        async with self.http.post(self.url + path, data=form, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else {}, response.headers

    async def token(self, **form: str) -> tuple[int, dict[str, Any], Any]:
        """What the token endpoint says."""
        return await self.post("/connect/token", form)


@dataclass
class Rig(Front):
    """auth with api's account records behind it."""

    api: TestServer
    database: Database

    async def code(self, tab: Browser, wanted: CodeRequest, handle: str = "ada") -> str:
        """A code for someone who is registered and signs in."""
        page = await tab.open(wanted.path(prompt="login"))
        assert isinstance(page, Page)
        return wanted.code(await tab.submit(page.form, handle=handle, password=PASSWORD))

    async def tokens(self, handle: str = "ada") -> Any:
        """Tokens for someone who is registered, by a new session."""
        wanted = CodeRequest()
        async with browser(self.url) as tab:
            code = await self.code(tab, wanted, handle)
            return await exchange(tab.http, self.url, wanted.grant(code))

    async def revoked(self) -> list[Revocation]:
        """What stands in the stream of revocations."""
        redis = redis_client.connect(self.settings.redis_url)
        try:
            stream = Keys(self.settings.key_prefix).revocations()
            entries: Any = await redis.xrange(stream)
            return [decode_revocation(fields) for _, fields in entries]
        finally:
            await redis.aclose()

    async def live_sessions(self) -> list[str]:
        """Sessions that have not ended."""
        rows = await self.database.fetch_all("SELECT id::text FROM sessions WHERE ended_at IS NULL")
        return [row[0] for row in rows]


def settings_for(folder: Path, redis_url: str, key_prefix: str, **changes: Any) -> AuthSettings:
    """Settings with cheap hashes and all kinds of clients."""
    service_clients = folder / "service-clients.json"
    service_clients.write_text(json.dumps(SERVICE_CLIENTS))
    clients = folder / "clients.json"
    clients.write_text(json.dumps(CLIENTS))
    values: dict[str, Any] = {
        "listen": HostPort("127.0.0.1", 0),
        "instance": "auth-test",
        "redis_url": Secret(redis_url),
        "issuer": f"http://127.0.0.1:{unused_port()}",
        "key_prefix": key_prefix,
        "api_urls": ("http://127.0.0.1:1",),
        "keys_dir": folder / "keys",
        "service_clients_file": service_clients,
        "clients_file": clients,
        "hash_time_cost": 1,
        "hash_memory_kib": 64,
    }
    return AuthSettings(**{**values, **changes})


@web.middleware
async def _store_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except StoreError as error:
        raise Problem(ErrorCode.UNAVAILABLE, str(error)) from error


@asynccontextmanager
async def running_api(
    database: Database, settings: AuthSettings, clock: Clock
) -> AsyncIterator[TestServer]:
    """api's account records, guarded as in api by service tokens checked with auth's keys."""
    async with aiohttp.ClientSession() as http:

        def verifier(audience: str) -> TokenVerifier:
            return TokenVerifier(
                issuer=settings.issuer, audience=audience, http=lambda: http, now=clock,
                jwks_url=f"{settings.issuer}/.well-known/jwks.json",
            )  # fmt: skip

        keys = Keys(settings.key_prefix)
        access = Access(
            verifier("agileim"), verifier(AUDIENCE), RevokedSessions(settings.redis_url, keys)
        )
        app = base_app()
        app.middlewares.append(_store_errors)
        app.add_routes(internal_accounts.routes(database, access.service))
        app.add_routes(internal_clients.routes(database, access.service))
        app.add_routes(internal_emails.routes(database, access.service))
        app.add_routes(internal_outside.routes(database, access.service))
        app.add_routes(internal_factors.routes(database, access.service))
        server = TestServer(app)
        async with server:
            yield server


@asynccontextmanager
async def running_auth(
    settings: AuthSettings, clock: Clock, beside: Iterable[web.AbstractRouteDef] = ()
) -> AsyncIterator[Auth]:
    """auth at its issuer's address, with what else stands at that origin."""
    app = create_app(settings, clock)
    app.add_routes(beside)
    port = int(settings.issuer.rpartition(":")[2])
    async with TestServer(app, port=port):
        yield app[AUTH]


@asynccontextmanager
async def running(
    folder: Path, postgres_url: str, redis_url: str, key_prefix: str, *,
    beside: Iterable[web.AbstractRouteDef] = (), **changes: Any,
) -> AsyncIterator[Rig]:  # fmt: skip
    """Everything. ``changes`` are for the settings, ``beside`` are other pages at the origin."""
    await migrate(postgres_url)
    clock = Clock()
    settings = settings_for(folder, redis_url, key_prefix, **changes)
    async with (
        Database(postgres_url, size=4) as database,
        running_api(database, settings, clock) as api,
        aiohttp.ClientSession() as http,
    ):
        urls = (str(api.make_url("")).rstrip("/"),)
        settings = dataclasses.replace(settings, api_urls=urls)
        async with running_auth(settings, clock, beside) as auth:
            yield Rig(settings.issuer, settings, auth, clock, http, api, database)


@asynccontextmanager
async def running_alone(folder: Path, redis_url: str, key_prefix: str) -> AsyncIterator[Front]:
    """auth without api."""
    clock = Clock()
    settings = settings_for(folder, redis_url, key_prefix)
    async with running_auth(settings, clock) as auth, aiohttp.ClientSession() as http:
        yield Front(settings.issuer, settings, auth, clock, http)
