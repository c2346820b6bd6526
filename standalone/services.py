"""The four services as child processes: how many, with which settings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from standalone.folder import DataFolder
from standalone.ports import LOOPBACK
from standalone.process import Launch, Process
from standalone.servers.caddy import http_status

PROJECT: Final = Path(__file__).parents[1]
PARTITIONS: Final = 8  # one machine has few cores to share them among
KINDS: Final = ("auth", "api", "dispatcher", "gateway")  # in the order in which they start
DRAIN_S: Final = "3"  # all gateways end together: sending clients elsewhere slowly helps nobody
# Children get their own database and Redis addresses, and none of these.
_NOT_FOR_SERVICES: Final = ("AGILEIM_DATABASE_URL", "AGILEIM_REDIS_URL", "AGILEIM_DATA")
ADMIN: Final = "admin"  # the service client of the operators' tool
_SCOPES: Final = {
    "gateway": ["internal.gateway"],
    "dispatcher": ["internal.dispatcher"],
    ADMIN: ["internal.admin"],
}
_HARNESS: Final = ["internal.auth", "internal.gateway", "internal.dispatcher"]


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """What the services are started with.

    `counts` is the number of processes by kind; `env` holds settings for all, `env_of` for one kind
    or one process, by its name; the latter wins. `harness` adds a service client of that name with
    every internal scope: for tests and measurements only. `code` is the checkout that runs.
    """

    counts: Mapping[str, int]
    issuer: str
    database_url: str
    redis_url: str
    harness: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    env_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    code: Path = PROJECT

    def names(self, kind: str) -> list[str]:
        """The names of a kind's processes, e.g. gateway-1 and gateway-2."""
        return [f"{kind}-{number}" for number in range(1, self.counts.get(kind, 1) + 1)]


class Services:
    """The service processes of a plan, with their files in `folder`. Nothing is started here."""

    def __init__(self, plan: ServicePlan, folder: DataFolder) -> None:
        self._plan = plan
        self._folder = folder
        self._address = {
            name: f"{LOOPBACK}:{folder.port(name)}" for kind in KINDS for name in plan.names(kind)
        }
        folder.write_secret("database-url", plan.database_url)
        folder.write_secret("redis-url", plan.redis_url)
        folder.write_secret("service-clients.json", json.dumps(self._clients()))
        self.processes = dict(self._processes())

    def addresses(self, kind: str) -> list[str]:
        """host:port of each process of a kind."""
        return [self._address[name] for name in self._plan.names(kind)]

    def url(self, name: str) -> str:
        """The origin of one process, for talking to it past the edge."""
        return f"http://{self._address[name]}"

    def _clients(self) -> dict[str, dict[str, object]]:
        scopes = {**_SCOPES, **({"harness": _HARNESS} if self._plan.harness else {})}
        return {
            client: {"secret": self._folder.secret(f"{client}-client"), "scopes": granted}
            for client, granted in scopes.items()
        }

    def _processes(self) -> Iterator[tuple[str, Process]]:
        for kind in KINDS:
            for name in self._plan.names(kind):
                launch = Launch(
                    argv=[sys.executable, "-m", f"services.{kind}"],
                    env=self._env(kind, name),
                    log=self._folder.log(name),
                    cwd=self._plan.code,
                )
                yield name, Process(name, launch, self._readiness(name))

    def _readiness(self, name: str) -> _Ready:
        return _Ready(self.url(name) + "/readyz")

    def _env(self, kind: str, name: str) -> dict[str, str]:
        inherited = {
            variable: value
            for variable, value in os.environ.items()
            if variable.removesuffix("_FILE") not in _NOT_FOR_SERVICES
        }
        return {
            "AGILEIM_DRAIN_S": DRAIN_S,
            **inherited,
            "PYTHONUNBUFFERED": "1",
            "AGILEIM_LISTEN": self._address[name],
            "AGILEIM_INSTANCE": name,
            "AGILEIM_ISSUER": self._plan.issuer,
            "AGILEIM_PARTITIONS": str(PARTITIONS),
            "AGILEIM_REDIS_URL_FILE": str(self._folder.secret_file("redis-url")),
            **self._own(kind),
            **self._plan.env,
            **self._plan.env_of.get(kind, {}),
            **self._plan.env_of.get(name, {}),
        }

    def _own(self, kind: str) -> dict[str, str]:
        """What only this kind of service gets: api alone sees the database, auth alone its keys."""
        secret = self._folder.secret_file
        api = ",".join(f"http://{address}" for address in self.addresses("api"))
        auth = self.url("auth-1")
        if kind == "auth":
            return {
                "AGILEIM_API_URLS": api,
                "AGILEIM_KEYS_DIR": str(self._keys()),
                "AGILEIM_SERVICE_CLIENTS_FILE": str(secret("service-clients.json")),
            }
        if kind == "api":
            return {
                "AGILEIM_AUTH_URL": auth,
                "AGILEIM_DATABASE_URL_FILE": str(secret("database-url")),
                "AGILEIM_FILES_DIR": str(self._folder.path / "files"),
                # Measurements and tests do more than people do.
                **({"AGILEIM_RATE_FACTOR": "0"} if self._plan.harness else {}),
            }
        return {
            "AGILEIM_API_URLS": api,
            "AGILEIM_AUTH_URL": auth,
            "AGILEIM_CLIENT_ID": kind,
            "AGILEIM_CLIENT_SECRET_FILE": str(secret(f"{kind}-client")),
        }

    def _keys(self) -> Path:
        keys = self._folder.path / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        return keys


@dataclass(frozen=True)
class _Ready:
    """Whether a service says so itself."""

    url: str

    def __call__(self) -> bool:
        return http_status(self.url, timeout_s=3.0) == 200
