"""The edge on one machine: Caddy with the Caddyfile that every deployment shares."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from standalone.ports import LOOPBACK
from standalone.process import Launch, Process
from standalone.servers.binary import SOURCES, Binary, Candidate, first_fit, on_path

OLDEST: Final = (2, 8)  # `lb_retry_match`, `hide` and `root` as the Caddyfile uses them
CADDYFILE: Final = Path(__file__).parents[1] / "Caddyfile"


def find(sources: Sequence[str] = SOURCES) -> Binary:
    """The `caddy` program to use."""
    return first_fit(
        "Caddy >= 2.8",
        _candidates(),
        lambda binary: binary.version[:2] >= OLDEST,
        sources=sources,
        advice="install it from your system's packages, or run `make up` to install it here",
        option="version",
    )


def _candidates() -> Iterator[Candidate]:
    yield from on_path(["caddy"])
    # The package puts the program itself next to the interpreter.
    yield Candidate(Path(sys.executable).parent / "caddy", "wheel")


class Caddy:
    """The edge on `port` of the loopback address.

    `auth`, `api` and `gateway` are upstreams as host:port; `files` is the folder shown at `/`;
    `folder` holds what Caddy wants to remember. Pages opened at `localhost` move to `issuer`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        auth: Sequence[str],
        api: Sequence[str],
        gateway: Sequence[str],
        files: Path,
        log: Path,
        issuer: str = "",
        sources: Sequence[str] = SOURCES,
    ) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.binary = find(sources)
        folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        home = str(folder.absolute())
        launch = Launch(
            argv=[
                str(self.binary.path),
                *("run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
            ],
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                # All that Caddy writes stays in its folder.
                "HOME": home,
                "XDG_CONFIG_HOME": home,
                "XDG_DATA_HOME": home,
                "AGILEIM_EDGE_SITE": f":{port}",
                "AGILEIM_EDGE_BIND": LOOPBACK,
                "AGILEIM_EDGE_FILES": str(files.absolute()),
                **_alias(issuer),
                "AGILEIM_AUTH_UPSTREAMS": " ".join(auth),
                "AGILEIM_API_UPSTREAMS": " ".join(api),
                "AGILEIM_GATEWAY_UPSTREAMS": " ".join(gateway),
            },
            log=log,
            stop_signal=signal.SIGTERM,
        )
        self.process = Process("edge", launch, self._answers)

    def start(self, timeout_s: float = 30.0) -> None:
        """Start and wait until it answers."""
        self.process.start()
        self.process.wait_ready(timeout_s)

    def stop(self) -> None:
        """Stop in order: requests under way are finished first."""
        self.process.stop()

    def _answers(self) -> bool:
        # A path that the edge answers by itself, whatever runs behind it.
        return http_status(f"{self.url}/healthz") == 404


def _alias(issuer: str) -> dict[str, str]:
    """People type `localhost`; signing in works at the issuer's origin only."""
    if not issuer or urlsplit(issuer).hostname == "localhost":
        return {}
    return {"AGILEIM_EDGE_ALIAS": "localhost", "AGILEIM_EDGE_ORIGIN": issuer}


def http_status(url: str, timeout_s: float = 1.0) -> int:
    """The status of a GET; 0 if there is no answer. Only for addresses of our own."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        fault.close()
        return fault.code
    except OSError:
        return 0
