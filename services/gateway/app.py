"""Puts the gateway together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

from services.gateway.admission import Admission
from services.gateway.connection import Connection
from services.gateway.deliveries import Deliveries
from services.gateway.drain import drain
from services.gateway.handlers import SocketHandler
from services.gateway.heads import Heartbeat
from services.gateway.hub import Hub
from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import Flusher, OutboxLimits
from services.gateway.parts import Parts
from services.gateway.receipts import Receipts
from services.gateway.registration import Registration
from services.gateway.routes import add_routes
from services.gateway.sends import Sends
from services.gateway.session import SessionLimits
from services.gateway.settings import GatewaySettings
from services.gateway.signals import Signals
from services.gateway.signin import SignIn
from services.gateway.stopping import Stop
from services.gateway.tickets import Tickets
from services.gateway.wheel import Wheel
from services.gateway.wsframe import text_frame
from shared.codes import CloseCode
from shared.frames import Resync, encode
from shared.health import Health
from shared.keys import Keys
from shared.limits import OUTBOX_MAX_BYTES, OUTBOX_MAX_FRAMES
from shared.redis_client import connect
from shared.revocations import RevokedSessions
from shared.runner import HEALTH, METRICS, TASKS, base_app
from shared.service_client import ApiClient, ServiceTokens
from shared.tasks import Background
from shared.tokens import USER_AUDIENCE, TokenVerifier

WHEEL_S = 0.25
BEATS_PER_S = 1.0  # turns of the heartbeat: small batches, so that no beat is felt
STOP_TIMEOUT_S = 8.0  # longest work in hand: a request to api
SYNCS_PER_S = 500  # how many clients may sync at once after a `resync`
RESYNC_MIN_MS, RESYNC_MAX_MS = 1_000, 60_000
API_CONNECTIONS_MAX = 8


class Gateway:
    """All parts of one gateway process; lives within a running loop."""

    def __init__(self, settings: GatewaySettings, app: web.Application) -> None:
        loop = asyncio.get_running_loop()
        self._settings = settings
        self._loop = loop
        self.stop = Stop()
        clock: Callable[[], float] = loop.time
        keys = Keys(settings.key_prefix)
        buckets = max(1, round(settings.heartbeat_s * BEATS_PER_S))
        debug = logging.getLogger().isEnabledFor(logging.DEBUG)
        self.metrics = GatewayMetrics(app[METRICS].registry)
        self.redis: Redis = connect(settings.redis_url)
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=API_CONNECTIONS_MAX),
            auto_decompress=False,
        )
        tokens = ServiceTokens(
            settings.auth_url, settings.client_id, settings.client_secret, self.http
        )
        api = ApiClient(settings.api_urls, tokens, self.http)
        self.verifier = TokenVerifier(
            issuer=settings.issuer,
            audience=USER_AUDIENCE,
            jwks_url=settings.keys_url,
            http=lambda: self.http,
        )
        self.revoked = RevokedSessions(settings.redis_url, keys)
        self.registration = Registration(
            self.redis, keys, settings.instance, stop=self.stop, on_reborn=self._reborn
        )
        self.receipts = Receipts(api, self.metrics, stop=self.stop)
        self.signals = Signals(self.redis, keys, settings.partitions, self.metrics, stop=self.stop)
        self.hub = Hub(self.metrics, log_events=debug, buckets=buckets)
        self.sends = Sends(
            api, self.receipts, self.metrics, stop=self.stop, clock=clock, log_messages=debug
        )
        self.flusher = Flusher(clock)
        self.deliveries = Deliveries(
            settings.redis_url, self.redis, keys, self.registration, self.hub,
            self.flusher, self.metrics,
            stop=self.stop, clock=clock,
        )  # fmt: skip
        self.heartbeat = Heartbeat(
            api, self.hub, heartbeat_s=settings.heartbeat_s, buckets=buckets,
            stop=self.stop, clock=clock,
        )  # fmt: skip
        self.wheel: Wheel[Connection] = Wheel(WHEEL_S)
        self.admission = Admission(
            connections_max=settings.connections_max,
            hellos_max=settings.hellos_max,
            per_s=settings.connects_per_s,
            burst=settings.connects_burst,
            welcomed=self.hub.__len__,
            clock=clock,
        )
        self.parts = Parts(
            clock=clock,
            limits=SessionLimits(
                hello_timeout_s=settings.hello_timeout_s,
                sends_per_s=settings.sends_per_s,
                sends_burst=settings.sends_burst,
                frames_per_s=settings.frames_per_s,
                frames_burst=settings.frames_burst,
            ),
            outbox_limits=OutboxLimits(OUTBOX_MAX_FRAMES, OUTBOX_MAX_BYTES),
            flusher=self.flusher,
            wheel=self.wheel,
            metrics=self.metrics,
            registration=self.registration,
            receipts=self.receipts,
            signals=self.signals,
            revoked=self.revoked,
        )
        self.parts.hub = self.hub
        self.parts.sends = self.sends
        self.parts.signin = SignIn(
            self.parts, self.verifier, Tickets(self.verifier, self.redis, keys),
            heartbeat_s=settings.heartbeat_s,
        )  # fmt: skip
        self.handler = SocketHandler(
            self.parts, self.admission, self.metrics, settings.allowed_origins
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._add_checks(app[HEALTH])
        self._add_gauges()

    # --- beginning and end ------------------------------------------------------------------

    def start(self, background: Background) -> None:
        """Start the loops. A Redis or api that is away is waited for."""
        for name, coroutine in (
            ("registration", self.registration.run()),
            ("deliveries", self.deliveries.run()),
            ("confirm", self.deliveries.confirm()),
            ("sends", self.sends.run()),
            ("receipts", self.receipts.run()),
            ("signals", self.signals.run()),
            ("heartbeat", self.heartbeat.run()),
            ("deadlines", self._watch_deadlines()),
        ):
            self._tasks.append(background.spawn(name, coroutine))
        # Their reading may be cancelled: nothing is handed out by it.
        background.spawn("epoch", self.registration.watch_epoch())
        background.spawn("revocations", self.revoked.run(self._revoked))

    async def drain(self) -> None:
        """Let the clients go."""
        self.admission.closed = True
        await drain(
            self.hub,
            self.wheel.everyone,
            lambda: self.admission.open,
            total_s=self._settings.drain_s,
        )

    async def close(self) -> None:
        """End the loops after the work in hand, and write down what they know."""
        self.stop.set()
        await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)
        await self.receipts.report()
        await self.deliveries.confirm_now(trim=True)
        await self.registration.unregister()
        self.flusher.close()
        await self.redis.aclose()
        await self.http.close()

    # --- events -----------------------------------------------------------------------------

    def _reborn(self) -> None:
        self.metrics.rebirths += 1
        within_ms = len(self.hub) * 1000 // SYNCS_PER_S
        frame = Resync(within_ms=min(max(within_ms, RESYNC_MIN_MS), RESYNC_MAX_MS))
        self.hub.broadcast(text_frame(encode(frame)), self._loop.time())

    def _revoked(self, sessions: list[str]) -> None:
        for connection in self.hub.of_sessions(sessions):
            connection.close(CloseCode.SESSION_REVOKED, "signed out")

    async def _watch_deadlines(self) -> None:
        while not await self.stop.pause(WHEEL_S):
            for connection in self.wheel.due(self._loop.time()):
                connection.on_deadline()

    # --- for operators ----------------------------------------------------------------------

    def _add_checks(self, health: Health) -> None:
        async def registered() -> None:
            if self.registration.identity is None:
                raise RuntimeError("not registered in Redis")

        health.add("redis", lambda: self.redis.ping())
        health.add("registration", registered)
        health.add("keys", self.verifier.ready)
        health.add("api", self._ask_api, essential=False)  # sends are refused, the rest goes on

    async def _ask_api(self) -> None:
        url = f"{self._settings.api_urls[0].rstrip('/')}/healthz"
        async with self.http.get(url, raise_for_status=True):
            pass

    def _add_gauges(self) -> None:
        def outstanding() -> int:
            identity = self.registration.identity
            return identity.ledger.outstanding if identity is not None else 0

        gauge = self.metrics.gauge
        gauge("connections", "Signed-in connections", lambda: len(self.hub))
        gauge("open_sockets", "Sockets, signed in or not", lambda: self.admission.open)
        gauge("outstanding_entries", "Entries read and not yet confirmed", outstanding)
        gauge("receipts_waiting", "Marks not yet reported", lambda: self.receipts.waiting)


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)


def create_app(settings: GatewaySettings) -> web.Application:
    """The application of ``services.gateway``."""
    app = base_app()

    async def gateway(app: web.Application) -> AsyncIterator[None]:
        app[GATEWAY] = Gateway(settings, app)
        app[GATEWAY].start(app[TASKS])
        yield
        await app[GATEWAY].close()

    async def leave(app: web.Application) -> None:
        app[HEALTH].draining = True
        await app[GATEWAY].drain()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await request.app[GATEWAY].handler(request)

    app.cleanup_ctx.append(gateway)
    app.on_shutdown.append(leave)
    add_routes(app, handle)
    return app
