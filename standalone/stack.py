"""Everything on one machine: servers, services and edge as one thing to start and stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final

import psycopg2
import redis

from standalone.errors import StandaloneError
from standalone.folder import DataFolder
from standalone.ports import LOOPBACK, free_port, is_free
from standalone.process import Process
from standalone.servers import postgres_programs
from standalone.servers.binary import SOURCES
from standalone.servers.caddy import Caddy
from standalone.servers.postgres import Postgres
from standalone.servers.redis import Redis
from standalone.services import KINDS, PROJECT, ServicePlan, Services
from standalone.supervisor import Supervisor

DATABASE: Final = "agileim"  # also the role that owns it
WEB_CLIENT: Final = PROJECT / "clients" / "web" / "dist"
START_PAGE: Final = Path(__file__).with_name("start_page")
START_TIMEOUT_S: Final = 60.0  # a slow machine's first start of five Python processes


def _silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run. `port` 0 is any free one; an address given for a server means: start none.

    `env` and `env_of` are settings for the services (see ServicePlan). `durable=False` lets the
    servers skip what protects from power cuts. `sources` and `identities` restrict where server
    programs are looked for and as whom root runs PostgreSQL.
    """

    data: Path
    port: int = 8080
    counts: Mapping[str, int] = field(default_factory=dict)
    edge: bool = True
    auto_restart: bool = True
    durable: bool = True
    harness: bool = False
    issuer: str = ""
    database_url: str = ""
    redis_url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    env_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    code: Path = PROJECT  # whose services run: for tests of updates
    sources: Sequence[str] = SOURCES
    identities: Sequence[str] = postgres_programs.IDENTITIES


class Stack:
    """All processes of one installation; a context manager, or `start` and `stop`.

    Every method blocks; asynchronous callers use a thread (`asyncio.to_thread`). `processes` holds
    each process by its name: postgres, redis, auth-1, api-1 …, dispatcher-1 …, gateway-1 …, edge.
    """

    def __init__(self, options: Options, say: Callable[[str], None] = _silent) -> None:
        self.options = options
        self.folder = DataFolder(options.data)
        self.url = ""  # the public origin, e.g. http://127.0.0.1:8080
        self.database_url = options.database_url
        self.redis_url = options.redis_url
        self.processes: dict[str, Process] = {}
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self._caddy: Caddy | None = None
        self._services: Services | None = None
        self._supervisor: Supervisor | None = None
        self._say = say

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until all of it is ready.

        Raises StandaloneError; whatever was started by then is stopped again.
        """
        try:
            self.folder.claim()
            port = self._free_public_port()
            self.url = f"http://{LOOPBACK}:{port}"
            self.folder.note_address(self.url)
            self.folder.reserve_port("edge", port)
            self._start_postgres()
            self._start_redis()
            self._start_services(port)
            if self.options.auto_restart:
                self._supervisor = Supervisor(self.processes, self._say)
                self._supervisor.start()
        except BaseException:  # Ctrl-C too
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, clients first and data last, and let go of the data folder."""
        if self._supervisor:
            self._supervisor.stop()
            self._supervisor = None
        for group in (["edge"], *([*self._of(kind)] for kind in reversed(KINDS))):
            members = [self.processes[name] for name in group if name in self.processes]
            for process in members:
                process.request_stop()
            for process in members:
                process.stop()
        if self.redis:
            self.redis.stop()
        if self.postgres:
            self.postgres.stop()
        self.processes = {}
        self.postgres = self.redis = None
        self.folder.release()

    def service_url(self, name: str) -> str:
        """The origin of one service process, e.g. of api-2, past the edge."""
        if self._services is None:
            raise StandaloneError("nothing is running")
        return self._services.url(name)

    def client_secret(self, client: str) -> str:
        """The secret of a service client: gateway, dispatcher or (if asked for) harness."""
        return self.folder.secret_file(f"{client}-client").read_text()

    def kill(self, name: str) -> None:
        """End a process at once. It stays down unless it is started again automatically."""
        self.processes[name].kill()

    def start_one(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Start a process that is down, without waiting; `env` adds settings from now on."""
        process = self.processes[name]
        if env:
            process.launch = replace(process.launch, env={**process.launch.env, **env})
        process.start()

    def wait_ready(self, *names: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until these processes (all, if none is named) are ready."""
        deadline = time.monotonic() + timeout_s
        for name in names or tuple(self.processes):
            self.processes[name].wait_ready(max(0.1, deadline - time.monotonic()))

    def _of(self, kind: str) -> list[str]:
        return [name for name in self.processes if name.startswith(f"{kind}-")]

    def _free_public_port(self) -> int:
        port = self.options.port
        if port and not is_free(port):
            raise StandaloneError(
                f"port {port} is taken: stop what uses it or choose another one, for example "
                f"AGILEIM_PORT={port + 1 if port < 65535 else 8080}"
            )
        return port or free_port()

    def _start_postgres(self) -> None:
        if self.database_url:
            _check_database(self.database_url)
            self._say("PostgreSQL: the one in AGILEIM_DATABASE_URL")
            return
        self.postgres = Postgres(
            self.folder.path / "postgres",
            port=self.folder.port("postgres"),
            password=self.folder.secret("postgres-admin"),
            log=self.folder.log("postgres"),
            durable=self.options.durable,
            sources=self.options.sources,
            identities=self.options.identities,
        )
        self._say(f"PostgreSQL: {self.postgres.binary}")
        if not self.postgres.initialised:
            self._say("PostgreSQL: making the database (once)")
            self.postgres.initialise()
        self.processes["postgres"] = self.postgres.process
        self.postgres.start()
        self.database_url = self.postgres.ensure_database(
            DATABASE, owner=DATABASE, password=self.folder.secret("postgres-agileim")
        )

    def _start_redis(self) -> None:
        if self.redis_url:
            _check_redis(self.redis_url)
            self._say("Redis: the one in AGILEIM_REDIS_URL")
            return
        self.redis = Redis(
            self.folder.path / "redis",
            port=self.folder.port("redis"),
            password=self.folder.secret("redis"),
            log=self.folder.log("redis"),
            durable=self.options.durable,
            sources=self.options.sources,
        )
        self._say(f"Redis: {self.redis.binary}")
        self.processes["redis"] = self.redis.process
        self.redis.start()
        self.redis_url = self.redis.url

    def _start_services(self, port: int) -> None:
        plan = ServicePlan(
            counts=self.options.counts,
            issuer=self.options.issuer or self.url,
            database_url=self.database_url,
            redis_url=self.redis_url,
            harness=self.options.harness,
            env=self.options.env,
            env_of=self.options.env_of,
            code=self.options.code,
        )
        self._services = services = Services(plan, self.folder)
        if self.options.edge:
            self._caddy = self._edge(services, port)
        self.processes |= services.processes
        self._say(f"services: {', '.join(services.processes)}")
        # auth and api need each other, the others need both.
        self._start_together(["auth", "api"])
        self._start_together(["dispatcher", "gateway"])
        if self._caddy:
            self._say(f"edge: {self._caddy.binary}")
            self.processes["edge"] = self._caddy.process
            self._caddy.start()

    def _start_together(self, kinds: Sequence[str]) -> None:
        names = [name for kind in kinds for name in self._of(kind)]
        for name in names:
            self.processes[name].start()
        self.wait_ready(*names)

    def _edge(self, services: Services, port: int) -> Caddy:
        built = (WEB_CLIENT / "index.html").exists()
        return Caddy(
            self.folder.path / "edge",
            port=port,
            auth=services.addresses("auth"),
            api=services.addresses("api"),
            gateway=services.addresses("gateway"),
            files=WEB_CLIENT if built else START_PAGE,
            log=self.folder.log("edge"),
            issuer=self.options.issuer or self.url,
            sources=self.options.sources,
        )


def _check_database(url: str) -> None:
    try:
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
            version = connection.server_version // 10_000
    except psycopg2.Error as fault:
        why = " ".join(str(fault).split())
        raise StandaloneError(f"cannot use AGILEIM_DATABASE_URL: {why}") from fault
    if version < postgres_programs.OLDEST:
        raise StandaloneError(
            f"the server in AGILEIM_DATABASE_URL is PostgreSQL {version}: "
            f"{postgres_programs.OLDEST} or newer is needed"
        )


def _check_redis(url: str) -> None:
    if "+sentinel://" in url:
        return  # the services ask the Sentinels
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as fault:
        raise StandaloneError(f"cannot use AGILEIM_REDIS_URL: {fault}") from fault
