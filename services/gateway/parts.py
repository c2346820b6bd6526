"""What every connection of a gateway shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import Flusher, OutboxLimits
from services.gateway.receipts import Receipts
from services.gateway.registration import Registration
from services.gateway.session import SessionLimits
from services.gateway.signals import Signals
from services.gateway.wheel import Wheel
from shared.revocations import RevokedSessions

if TYPE_CHECKING:
    from services.gateway.connection import Connection
    from services.gateway.hub import Hub
    from services.gateway.sends import Sends
    from services.gateway.signin import SignIn


class Parts:
    """The gateway's parts, as a connection sees them. Made once, by :mod:`.app`."""

    __slots__ = (
        "clock",
        "flusher",
        "hub",
        "limits",
        "metrics",
        "outbox_limits",
        "receipts",
        "registration",
        "revoked",
        "sends",
        "signals",
        "signin",
        "wheel",
    )

    hub: Hub
    sends: Sends
    signin: SignIn

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        limits: SessionLimits,
        outbox_limits: OutboxLimits,
        flusher: Flusher,
        wheel: Wheel[Connection],
        metrics: GatewayMetrics,
        registration: Registration,
        receipts: Receipts,
        signals: Signals,
        revoked: RevokedSessions,
    ) -> None:
        self.clock = clock
        self.limits = limits
        self.outbox_limits = outbox_limits
        self.flusher = flusher
        self.wheel = wheel
        self.metrics = metrics
        self.registration = registration
        self.receipts = receipts
        self.signals = signals
        self.revoked = revoked
