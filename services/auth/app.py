"""The application: resources in the order in which they need each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

from services.auth import cors
from services.auth.accounts import Accounts, OwnTokens
from services.auth.addresses import Addresses
from services.auth.audit import KEYS_CHANGED, Audit
from services.auth.client_records import ClientRecords
from services.auth.cookies import Cookies
from services.auth.domain.clients import (
    Client,
    first_party_clients,
    read_clients,
    read_service_clients,
)
from services.auth.domain.factor_policy import FactorPolicy
from services.auth.domain.outside import read_providers
from services.auth.domain.passkeys import RelyingParty
from services.auth.factor_records import FactorRecords
from services.auth.factors import SecondFactors
from services.auth.hashing import PasswordHashes
from services.auth.issuing import Issuer
from services.auth.keyring import RELOAD_S, KeyRing, KeysFault
from services.auth.mail.letter import Letters
from services.auth.mail.outbox import WORKERS, Outbox
from services.auth.mail.post import Post, sender
from services.auth.mail.transports import (
    FolderTransport,
    SmtpServer,
    SmtpTransport,
    Transport,
)
from services.auth.metrics import AuthMetrics
from services.auth.notices import Notices
from services.auth.outside import Outside
from services.auth.outside_records import OutsideRecords
from services.auth.pages import Pages
from services.auth.records.challenges import Challenges
from services.auth.records.codes import Codes
from services.auth.records.devices import Devices
from services.auth.records.emails import EmailProofs
from services.auth.records.enrolments import Enrolments
from services.auth.records.halfway import HalfwaySignIns
from services.auth.records.journeys import Journeys
from services.auth.records.signins import SignIns
from services.auth.records.throttles import Throttles
from services.auth.registry import Registry
from services.auth.resources import AUTH, Auth
from services.auth.revoking import Revocations
from services.auth.routes import routes
from services.auth.sealing_keys import SealingKeys
from services.auth.settings import AuthSettings
from shared import redis_client
from shared.keys import Keys
from shared.logs import get_logger
from shared.revocations import RevokedSessions
from shared.runner import HEALTH, METRICS, TASKS, base_app
from shared.service_client import ApiClient

BODY_MAX_BYTES = 64 * 1024  # the longest form of ours has some 10 KiB

Clock = Callable[[], float]


def create_app(settings: AuthSettings, now: Clock = time.time) -> web.Application:
    """auth, for one process. ``now`` gives Unix time in seconds."""
    app = base_app(body_max_bytes=BODY_MAX_BYTES)

    async def resources(app: web.Application) -> AsyncIterator[None]:
        async for _ in _resources(app, settings, now):
            yield

    app.cleanup_ctx.append(resources)
    app.add_routes(routes())
    cors.install(app)
    return app


async def _resources(
    app: web.Application, settings: AuthSettings, now: Clock
) -> AsyncIterator[None]:
    keys = KeyRing(settings.keys_dir, settings.signing_kid, now)
    await asyncio.to_thread(keys.open)
    sealing = SealingKeys(settings.keys_dir)
    await asyncio.to_thread(sealing.open)
    redis = redis_client.connect(settings.redis_url)
    metrics = AuthMetrics(app[METRICS])
    metrics.signing_key_age.set_function(lambda: now() - keys.all[-1].since)
    hashes = PasswordHashes(
        time_cost=settings.hash_time_cost,
        memory_kib=settings.hash_memory_kib,
        threads=settings.hash_threads,
        queue=settings.hash_queue,
        metrics=metrics,
    )
    async with aiohttp.ClientSession() as http:
        auth = _assemble(app, settings, now, keys, sealing, redis, hashes, metrics, http)
        app[AUTH] = auth
        _watch(app, auth, redis, http)
        await hashes.warm_up()
        yield
        auth.revoked.stop()
        await auth.audit.drained()
        # Now, not with the application: they use what is closed below.
        await app[TASKS].close()
    hashes.close()
    await redis.aclose()


def _assemble(
    app: web.Application,
    settings: AuthSettings,
    now: Clock,
    keys: KeyRing,
    sealing: SealingKeys,
    redis: Redis,
    hashes: PasswordHashes,
    metrics: AuthMetrics,
    http: aiohttp.ClientSession,
) -> Auth:
    names = Keys(settings.key_prefix)

    def now_ms() -> int:
        return int(now() * 1000)

    own_tokens = OwnTokens(keys, settings.issuer, now)
    api = ApiClient(settings.api_urls, own_tokens, http)
    accounts = Accounts(api)
    client_records = ClientRecords(api)
    addresses = Addresses(settings.trusted_proxies)
    throttles = Throttles(redis, names, now_ms)
    audit = Audit(accounts, addresses, metrics, now)
    post = _post(settings, metrics)
    notices = Notices(accounts, post)
    factors = SecondFactors(
        records=FactorRecords(api),
        sealing=sealing,
        party=RelyingParty(settings.issuer),
        challenges=Challenges(redis, names, now_ms),
        enrolments=Enrolments(redis, names, now_ms),
        throttles=throttles,
        audit=audit,
        notices=notices,
        addresses=addresses,
        policy=FactorPolicy(settings.second_factor),
        now=now,
    )
    providers = settings.outside_providers_file
    outside = Outside(
        read_providers(providers) if providers is not None else [], settings.issuer, http, now
    )
    return Auth(
        settings=settings,
        now=now,
        metrics=metrics,
        clients=Registry(_own_clients(settings), client_records),
        client_records=client_records,
        keys=keys,
        accounts=accounts,
        issuer=Issuer(settings, keys, accounts, now),
        hashes=hashes,
        codes=Codes(redis, names, now_ms),
        devices=Devices(redis, names, now_ms),
        signins=SignIns(redis, names),
        halfway=HalfwaySignIns(redis, names),
        factors=factors,
        throttles=throttles,
        revocations=Revocations(redis, names, app[TASKS], metrics),
        revoked=RevokedSessions(settings.redis_url, names),
        addresses=addresses,
        audit=audit,
        pages=Pages(
            Cookies(settings.secure),
            registration_open=settings.registration_open,
            passkeys=factors.party.available,
            outside=[(one.settings.id, one.settings.name) for one in outside],
        ),
        post=post,
        notices=notices,
        email_proofs=EmailProofs(redis, names, now_ms),
        outside=outside,
        outside_records=OutsideRecords(api),
        journeys=Journeys(redis, names),
    )


def _post(settings: AuthSettings, metrics: AuthMetrics) -> Post:
    transport: Transport = FolderTransport(settings.mail_folder)
    if settings.smtp_url:
        transport = SmtpTransport(SmtpServer.parse(settings.smtp_url))
    letters = Letters(sender(settings.letters_from), settings.issuer)
    return Post(letters, Outbox(transport, metrics))


def _own_clients(settings: AuthSettings) -> list[Client]:
    clients = first_party_clients(settings.issuer)
    if settings.clients_file is not None:
        clients += read_clients(settings.clients_file)
    if settings.service_clients_file is not None:
        clients += read_service_clients(settings.service_clients_file)
    return clients


def _watch(app: web.Application, auth: Auth, redis: Redis, http: aiohttp.ClientSession) -> None:
    """Say what is missing, and keep up with keys and revocations."""

    async def redis_answers() -> None:
        await redis.ping()

    async def api_is_alive() -> None:
        # Not /readyz: api is ready only when it has our keys, and each would wait for the other.
        errors = []
        for url in auth.settings.api_urls:
            try:
                async with http.get(f"{url}/healthz") as response:
                    response.raise_for_status()
                    return
            except aiohttp.ClientError as error:
                errors.append(type(error).__name__)
        raise ConnectionError(", ".join(errors))

    # Told, but no reason to send callers elsewhere: without api the services still get their
    # tokens, without Redis users still refresh theirs, and another replica would miss the same.
    app[HEALTH].add("redis", redis_answers, essential=False)
    app[HEALTH].add("api", api_is_alive, essential=False)
    app[TASKS].spawn("reload_keys", _reload_keys(auth))
    app[TASKS].spawn("audit", auth.audit.run())
    app[TASKS].spawn("clients", auth.clients.run())
    for number in range(WORKERS):
        app[TASKS].spawn(f"mail {number}", auth.post.outbox.run())
    app[TASKS].spawn("revoked_sessions", auth.revoked.run(lambda _: None))


async def _reload_keys(auth: Auth) -> None:
    while True:
        await asyncio.sleep(RELOAD_S)
        before = auth.keys.ids
        try:
            await asyncio.to_thread(auth.keys.reload)
        except KeysFault as fault:  # the keys that are loaded go on being used
            get_logger().error("signing_keys_unreadable", error=str(fault))
        if auth.keys.ids != before:
            auth.audit.note(None, KEYS_CHANGED, detail=" ".join(auth.keys.ids))
