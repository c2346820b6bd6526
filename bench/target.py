"""The system that is measured: started for the purpose, with limits that a load does not meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.usage import Meter
from standalone.provision import Provision
from standalone.stack import Options, Stack

HARNESS: Final = "harness"
TURN_S: Final = 0.001

# A person's limits, lifted: each socket of the generator stands for many people.
LIFTED: Final[Mapping[str, Mapping[str, str]]] = {
    "gateway": {
        "AGILEIM_SENDS_PER_S": "1000",
        "AGILEIM_SENDS_BURST": "1000",
        "AGILEIM_FRAMES_PER_S": "5000",
        "AGILEIM_FRAMES_BURST": "5000",
        "AGILEIM_CONNECTS_PER_S": "100000",
        "AGILEIM_CONNECTS_BURST": "100000",
        "AGILEIM_HELLOS_MAX": "100000",
    },
}


@dataclass(frozen=True, slots=True)
class Target:
    """A running system."""

    auth_url: str  # auth itself, not the edge
    gateway: tuple[str, int]  # where sockets connect: the gateway itself, not the edge
    servers: Mapping[str, Sequence[int]]  # kind, e.g. `gateway` → process ids
    provision: Provision
    meter: Meter
    turn_s: float  # how often the generator looks at its sockets; 0: when woken


@contextmanager
def started(folder: Path, *, turn_s: float = TURN_S) -> Iterator[Target]:
    """One process of each kind, PostgreSQL and Redis with all their durability, no edge."""
    options = Options(
        data=folder / "data",
        port=0,
        edge=False,
        auto_restart=False,  # a crash must show in the figures
        harness=True,
        env_of=LIFTED,
    )
    with Stack(options, say=print) as stack:
        servers: dict[str, list[int]] = defaultdict(list)
        for name, process in stack.processes.items():
            servers[name.partition("-")[0]].append(process.pid)
        address = urlsplit(stack.service_url("gateway-1"))
        provision = Provision(
            auth_url=stack.service_url("auth-1"),
            api_url=stack.service_url("api-1"),
            client_id=HARNESS,
            client_secret=stack.client_secret(HARNESS),
        )
        yield Target(
            stack.service_url("auth-1"),
            (address.hostname or "", address.port or 0),
            dict(servers),
            provision,
            Meter(servers),
            turn_s,
        )
