"""The api application: its parts, how they hang together, and in which order they live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from services.api import openapi
from services.api.access import Access
from services.api.batcher import WORKERS, Batcher
from services.api.endpoint import Endpoint, Identity, route
from services.api.handlers import (
    internal_accounts,
    internal_clients,
    internal_emails,
    internal_factors,
    internal_outside,
)
from services.api.handlers.conversations import Announcer, ConversationHandlers
from services.api.handlers.discovery import DiscoveryHandlers
from services.api.handlers.events import EventHandlers
from services.api.handlers.internal_admin import AdminHandlers, Revoker
from services.api.handlers.internal_dispatcher import DispatcherHandlers
from services.api.handlers.internal_gateway import GatewayHandlers
from services.api.handlers.marks import MarkHandlers
from services.api.handlers.members import MemberHandlers
from services.api.handlers.messages import MessageHandlers
from services.api.handlers.search import SearchHandlers
from services.api.handlers.snapshots import SnapshotHandlers
from services.api.handlers.sync import SyncHandlers
from services.api.metrics import ApiMetrics
from services.api.news import News
from services.api.pruning import complete_names, prune_mark_times, prune_sessions
from services.api.publisher import EventStreams, Publisher
from services.api.rates import Rates
from services.api.relay import Relay
from services.api.sealing import Sealer
from services.api.settings import ApiSettings
from services.api.store.administration import Administration
from services.api.store.announcements import Announcements
from services.api.store.conversations import Conversations
from services.api.store.database import Database
from services.api.store.errors import DatabaseUnavailable, StoreError
from services.api.store.events import Events
from services.api.store.installation import WrongInstallation, check_partitions
from services.api.store.marks import Marks
from services.api.store.members import Members
from services.api.store.messages import Messages
from services.api.store.migrate import MigrationError, migrate
from services.api.store.naming import Naming
from services.api.store.outbox import Outbox
from services.api.store.read_receipts import ReadReceipts
from services.api.store.receipts import Receipts
from services.api.store.search import Search
from services.api.store.sends import Sends
from services.api.store.sessions import SessionStore
from services.api.store.signatures import Signatures
from services.api.store.snapshots import Snapshots
from services.api.store.sync import Sync
from services.api.store.users import Users
from services.api.wiring import conversations as conversing
from services.api.wiring import people as peopling
from services.api.wiring.files import Filing
from services.api.wiring.services import Serving
from shared import internal, redis_client
from shared.codes import ErrorCode
from shared.keys import Keys
from shared.logs import get_logger
from shared.problems import Problem
from shared.revocations import RevokedSessions
from shared.runner import HEALTH, METRICS, TASKS, base_app
from shared.tokens import USER_AUDIENCE, TokenVerifier

DATABASE: web.AppKey[Database] = web.AppKey("database", Database)
ENDPOINTS: web.AppKey[Sequence[Endpoint]] = web.AppKey("endpoints", Sequence)

RETRY_AFTER_MS = 1000
START_RETRY_S = 0.5


class CannotStart(SystemExit):
    """Ends the process with one line on stderr and exit code 1."""

    def __init__(self, why: str) -> None:
        super().__init__(f"api: {why}")


def create_app(settings: ApiSettings) -> web.Application:
    """The application; nothing is opened before it starts."""
    app = base_app()
    app.middlewares.append(_store_faults)
    parts = _Parts(app, settings)
    app[DATABASE] = parts.database
    app[ENDPOINTS] = parts.endpoints
    app.add_routes(
        [route(endpoint, parts.identify, rates=parts.rates) for endpoint in parts.endpoints]
    )
    app.add_routes(parts.internal_routes())
    app.cleanup_ctx.append(parts.life)
    return app


@web.middleware
async def _store_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """PostgreSQL's faults as problems: the caller may try again."""
    try:
        return await handler(request)
    except StoreError as error:
        get_logger().warning("store_failed", error=f"{type(error).__name__}: {error}")
        raise Problem(
            ErrorCode.UNAVAILABLE,
            "The database does not answer in time: try again.",
            retry_after_ms=RETRY_AFTER_MS,
        ) from error


class _Parts:
    """Everything that lives as long as the application."""

    def __init__(self, app: web.Application, settings: ApiSettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        keys = Keys(settings.key_prefix)
        self.metrics = ApiMetrics(app[METRICS])
        self.database = Database(settings.database_url, size=settings.database_connections)
        self.metrics.database_connections_in_use.set_function(lambda: self.database.in_use)
        self.redis = redis_client.connect(settings.redis_url)
        self.streams = EventStreams(self.redis, keys, settings.partitions)
        outbox = Outbox(self.database)
        self.sealer = Sealer(Signatures(self.database))
        self.publisher = Publisher(self.streams, outbox, self.metrics, self.sealer.notice)
        self.relay = Relay(outbox, self.streams, self.metrics)
        self.batcher = Batcher(Sends(self.database), self.publisher, self.metrics)
        self.news = News(self.redis, keys)
        self.rates = Rates(
            settings.rate_factor,
            on_refused=lambda kind: self.metrics.rate_limited.labels(kind).inc(),
        )
        self.revoked = RevokedSessions(settings.redis_url, keys)
        self.user_tokens = self._verifier(USER_AUDIENCE)
        self.access = Access(self.user_tokens, self._verifier(internal.AUDIENCE), self.revoked)
        self.filing = Filing(settings, self.database)
        self.serving = Serving(self.database, self.redis, keys, feed_days=settings.feed_days)
        self.endpoints = self._endpoints()

    async def identify(self, request: web.Request) -> Identity:
        """Who calls an operation that is for people."""
        token = await self.access.user(request)
        return Identity(token.user, token.session)

    def _verifier(self, audience: str) -> TokenVerifier:
        return TokenVerifier(
            issuer=self._settings.issuer,
            audience=audience,
            jwks_url=f"{self._settings.auth_url}/.well-known/jwks.json",
            http=self._session,
        )

    def _session(self) -> aiohttp.ClientSession:
        assert self._http is not None, "the application has not started"
        return self._http

    def _endpoints(self) -> list[Endpoint]:
        users, announce = Users(self.database), Announcer(self.publisher)
        events, receipts = Events(self.database), Receipts(self.database)
        document: dict[str, Any] = {}
        endpoints = [
            *DiscoveryHandlers(lambda: document).endpoints(),
            *peopling.endpoints(self.database, users, announce, self.news),
            *ConversationHandlers(Conversations(self.database), users, announce).endpoints(),
            *MemberHandlers(Members(self.database), users, announce).endpoints(),
            *EventHandlers(events, self.batcher, receipts, self.publisher).endpoints(),
            *MessageHandlers(Messages(self.database), announce).endpoints(),
            *MarkHandlers(Marks(self.database), announce).endpoints(),
            *SnapshotHandlers(Snapshots(self.database)).endpoints(),
            *SyncHandlers(Sync(self.database)).endpoints(),
            *SearchHandlers(Search(self.database)).endpoints(),
            *self.filing.endpoints(self.revoked.__contains__),
            *conversing.endpoints(self.database, users, announce, self.batcher),
        ]
        document.update(openapi.document(endpoints, self._settings.issuer))
        return endpoints

    def internal_routes(self) -> list[web.RouteDef]:
        """What other services call."""
        guard = self.access.service
        gateway = GatewayHandlers(
            guard, self.batcher, Receipts(self.database), Sync(self.database), self.publisher
        )
        dispatcher = DispatcherHandlers(guard, Members(self.database), Events(self.database))
        admin = AdminHandlers(
            guard,
            Administration(self.database, self._settings.partitions),
            SessionStore(self.database),
            Announcements(self.database),
            self.publisher,
            Revoker(self.redis, Keys(self._settings.key_prefix)),
        )
        return [
            *gateway.routes(),
            *dispatcher.routes(),
            *self.serving.routes(guard, self.endpoints, self.publisher),
            *peopling.internal_routes(self.database, guard),
            *admin.routes(),
            *internal_accounts.routes(self.database, guard),
            *internal_factors.routes(self.database, guard),
            *internal_clients.routes(self.database, guard),
            *internal_emails.routes(self.database, guard),
            *internal_outside.routes(self.database, guard),
        ]

    async def life(self, app: web.Application) -> AsyncIterator[None]:
        """Open all, check what must hold, run the background tasks; close all in reverse."""
        async with aiohttp.ClientSession() as self._http:
            await self._prepare_database()
            try:
                async with self.filing.life(app[TASKS]):
                    self._watch_health(app)
                    self._spawn(app)
                    await self.serving.start(app[TASKS])
                    yield
                    self.revoked.stop()
                    await self.publisher.drain()
                    await app[TASKS].close()
            finally:
                await self.database.close()
                await self.redis.aclose()

    async def _prepare_database(self) -> None:
        """Wait for PostgreSQL, bring it to this version, connect. Raises CannotStart."""
        deadline = time.monotonic() + self._settings.database_wait_s
        while True:
            try:
                applied = await migrate(self._settings.database_url)
                await self.database.open()
                await check_partitions(self.database, self._settings.partitions)
            except (MigrationError, DatabaseUnavailable) as error:
                lost = isinstance(error, DatabaseUnavailable) or error.transient
                if not lost or time.monotonic() > deadline:
                    raise CannotStart(str(error)) from error
                await self.database.close()
                get_logger().warning("waiting_for_postgres", error=str(error))
                await asyncio.sleep(START_RETRY_S)
            except WrongInstallation as error:
                await self.database.close()
                raise CannotStart(str(error)) from error
            else:
                get_logger().info("database_ready", applied=applied)
                return

    def _watch_health(self, app: web.Application) -> None:
        async def migrated() -> None:
            """It is, or the application had not started."""

        health = app[HEALTH]
        health.add("postgres", self.database.ping)
        health.add("migrations", migrated)
        # Without Redis, sends are still stored and published later; without auth, tokens that were
        # seen before are still good. Taking api out of service would only make things worse.
        health.add("redis", self.streams.reachable, essential=False)
        health.add("auth keys", self.user_tokens.ready, essential=False)

    def _spawn(self, app: web.Application) -> None:
        tasks = app[TASKS]
        for number in range(WORKERS):
            tasks.spawn(f"sends {number}", self.batcher.work())
        tasks.spawn("publisher", self.publisher.publish())
        tasks.spawn("outbox", self.publisher.forget())
        tasks.spawn("signals", self.publisher.publish_signals())
        tasks.spawn("news", self.news.run())
        tasks.spawn("sealer", self.sealer.run())
        tasks.spawn("relay", self.relay.run())
        tasks.spawn("revocations", self.revoked.run(lambda _: None))
        tasks.spawn("complete_names", complete_names(Naming(self.database)))
        tasks.spawn("prune_sessions", prune_sessions(SessionStore(self.database)))
        tasks.spawn("prune_mark_times", prune_mark_times(ReadReceipts(self.database)))
