"""What the gateway reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from shared.limits import (
    FRAMES_BURST,
    FRAMES_PER_S,
    HEARTBEAT_S,
    HELLO_TIMEOUT_S,
    SENDS_BURST,
    SENDS_PER_S,
)
from shared.settings import PREFIX, Secret, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(ServiceSettings):
    """Settings of ``services.gateway``."""

    api_urls: tuple[str, ...]  # api's replicas, internal
    auth_url: str  # auth, internal: keys and service tokens
    client_secret: Secret
    client_id: str = "gateway"
    jwks_url: str = ""  # default: the one of auth_url
    origins: tuple[str, ...] = ()  # origins of browser clients besides the issuer's own
    connections_max: int = 50_000  # at 20 KiB each: 1 GiB
    hellos_max: int = 4_000  # sockets that have not said hello yet
    connects_per_s: float = 2_000.0  # about what one core can take in
    connects_burst: int = 2_000
    drain_s: float = 20.0  # from SIGTERM to the last close; below Kubernetes' 30 s
    hello_timeout_s: float = HELLO_TIMEOUT_S
    heartbeat_s: float = HEARTBEAT_S
    sends_per_s: float = SENDS_PER_S  # of each connection, on average; with bursts
    sends_burst: int = SENDS_BURST
    frames_per_s: float = FRAMES_PER_S
    frames_burst: int = FRAMES_BURST

    def faults(self) -> list[str]:
        faults = super().faults()
        urls = {"API_URLS": self.api_urls, "AUTH_URL": (self.auth_url,), "ORIGINS": self.origins}
        for name, values in urls.items():
            if not all(value.startswith(("http://", "https://")) for value in values):
                faults.append(f"{PREFIX}{name} must be http:// or https:// URLs")
        if not self.api_urls:
            faults.append(f"{PREFIX}API_URLS must name at least one URL")
        positive = {
            "CONNECTIONS_MAX": self.connections_max,
            "HELLOS_MAX": self.hellos_max,
            "CONNECTS_PER_S": self.connects_per_s,
            "CONNECTS_BURST": self.connects_burst,
            "DRAIN_S": self.drain_s,
            "HELLO_TIMEOUT_S": self.hello_timeout_s,
            "HEARTBEAT_S": self.heartbeat_s,
            "SENDS_PER_S": self.sends_per_s,
            "SENDS_BURST": self.sends_burst,
            "FRAMES_PER_S": self.frames_per_s,
            "FRAMES_BURST": self.frames_burst,
        }
        faults += [f"{PREFIX}{name} must be positive" for name, n in positive.items() if n <= 0]
        return faults

    @property
    def keys_url(self) -> str:
        """Where the public keys of access tokens are."""
        return self.jwks_url or f"{self.auth_url}/.well-known/jwks.json"

    @property
    def allowed_origins(self) -> frozenset[str]:
        """Origins (RFC 6454, section 6.2) whose pages may open a socket here."""
        return frozenset({self.issuer, *self.origins})
