"""Settings of the dispatcher, each from ``AGILEIM_<NAME>``."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import PREFIX, Secret, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class DispatcherSettings(ServiceSettings):
    """What the dispatcher needs on top of what every service needs."""

    api_urls: tuple[str, ...]  # api's replicas, e.g. http://api:8080
    auth_url: str  # where service tokens come from, e.g. http://auth:8080
    client_id: str = "dispatcher"
    client_secret: Secret

    # A partition whose owner has died is taken over after at most this long. The owner renews
    # three times in that span and stops routing a quarter of it before the lease ends.
    lease_ttl_s: float = 6.0
    block_ms: int = 500  # how long a read waits for entries
    gap_hold_ms: int = 200  # how long an event waits for the one before it
    upkeep_s: float = 1.0  # between looks at what is pending and what can be trimmed
    drain_s: float = 3.0  # at a stop or hand-over: how long to finish what is in flight

    in_flight_max: int = 5_000  # entries of one partition being worked on; above it, none is read
    memberships_max: int = 1_000_000  # in the member cache, about 100 bytes each
    member_loads: int = 32  # requests for members to api at a time

    @property
    def lease_margin_s(self) -> float:
        """How long before the lease's end the owner stops: room for a late write and clocks."""
        return self.lease_ttl_s / 4

    @property
    def renew_s(self) -> float:
        """Between renewals of a lease."""
        return self.lease_ttl_s / 3

    @property
    def poll_s(self) -> float:
        """Between looks at who owns what."""
        return self.lease_ttl_s / 6

    def faults(self) -> list[str]:
        """What is wrong between or within well-formed values, a sentence each."""
        faults = super().faults()
        if not self.api_urls:
            faults.append(f"{PREFIX}API_URLS names no replica of api")
        if not 50 <= self.block_ms <= 1000:
            faults.append(f"{PREFIX}BLOCK_MS must be between 50 and 1000")
        positive = ("lease_ttl_s", "gap_hold_ms", "upkeep_s", "drain_s", "in_flight_max",
                    "memberships_max", "member_loads")  # fmt: skip
        faults += [
            f"{PREFIX}{name.upper()} must be above 0"
            for name in positive
            if getattr(self, name) <= 0
        ]
        return faults
