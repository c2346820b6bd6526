"""Every Redis key of the system, with type, writer, lifetime and bound.

The part in braces is the Redis Cluster hash tag: keys that one command or script touches together
share it. ``prefix`` (setting ``AGILEIM_KEY_PREFIX``, default ``im``) keeps several installations,
or tests, apart in one Redis.
"""

from __future__ import annotations

from dataclasses import dataclass

DISPATCH_GROUP = "dispatch"  # consumer group of every events stream
# The one consumer of every dispatch group. Not named after a process: a new owner inherits what is
# pending with the old one; and not after the partition, since one XREADGROUP serves many streams.
DISPATCH_CONSUMER = "owner"
DELIVER_GROUP = "deliver"  # consumer group of every gateway's stream


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds key names under one prefix."""

    prefix: str = "im"

    # --- partitions -------------------------------------------------------------------------
    def events(self, partition: int) -> str:
        """Stream of :class:`shared.entries.EventBatch`, written by api, read by the owner in group
        ``dispatch`` as consumer ``owner``. Trimmed by the owner below what is confirmed."""
        return f"{self.prefix}:{{p{partition:02d}}}:events"

    def signals(self, partition: int) -> str:
        """Stream of :class:`shared.entries.Signal`, written by gateways and api, read by the owner
        without a group. Droppable: MAXLEN about 1,000."""
        return f"{self.prefix}:{{p{partition:02d}}}:signals"

    def owner(self, partition: int) -> str:
        """String ``dispatcher:fence``, a lease with a TTL, written by dispatchers."""
        return f"{self.prefix}:{{p{partition:02d}}}:owner"

    def dead(self, partition: int) -> str:
        """Stream of entries that could not be routed, kept for operators, MAXLEN about 10,000."""
        return f"{self.prefix}:{{p{partition:02d}}}:dead"

    def dispatchers(self) -> str:
        """Sorted set dispatcher id → last sign of life (ms), for sharing partitions evenly."""
        return f"{self.prefix}:dispatchers"

    # --- gateways ---------------------------------------------------------------------------
    def gateways(self) -> str:
        """Sorted set gateway id → time of registration (ms). A member without lease is dead."""
        return f"{self.prefix}:gateways"

    def gateway_lease(self, gateway: str) -> str:
        """String with a TTL, renewed by the gateway: it lives as long as this exists."""
        return f"{self.prefix}:{{gw:{gateway}}}:lease"

    def gateway_out(self, gateway: str) -> str:
        """Stream of :class:`shared.entries.Delivery`, written by dispatchers, read by the gateway
        in group ``deliver`` as consumer ``gateway``. Trimmed below what is confirmed."""
        return f"{self.prefix}:{{gw:{gateway}}}:out"

    def gateway_roster(self, gateway: str) -> str:
        """Hash connection id → :class:`shared.entries.Presence` (msgpack), written by the gateway:
        the truth about who is connected there. Dies with the gateway in one DEL."""
        return f"{self.prefix}:{{gw:{gateway}}}:conns"

    def gateway_reaper(self, gateway: str) -> str:
        """String with a TTL: the one dispatcher that buries this dead gateway."""
        return f"{self.prefix}:{{gw:{gateway}}}:reaper"

    def presence_changes(self) -> str:
        """Stream of :class:`shared.entries.PresenceChange`, written by gateways after the roster
        and by reapers, tailed by every dispatcher. MAXLEN about 100,000."""
        return f"{self.prefix}:presence:changes"

    def ticket(self, jti: str) -> str:
        """String with a TTL: this ticket has been used. Written by the gateway that took it."""
        return f"{self.prefix}:ticket:{{{jti}}}"

    # --- all services -----------------------------------------------------------------------
    def epoch(self) -> str:
        """String without TTL: a random value set when missing. Another value: Redis was wiped."""
        return f"{self.prefix}:epoch"

    def revocations(self) -> str:
        """Stream of :class:`shared.entries.Revocation`, written by auth, tailed by gateways and
        api. Trimmed by age: older than the longest access token is of no use."""
        return f"{self.prefix}:revocations"

    # --- auth -------------------------------------------------------------------------------
    def auth(self, kind: str, name: str) -> str:
        """auth's short-lived records (codes, device codes, throttles): strings with a TTL."""
        return f"{self.prefix}:auth:{kind}:{{{name}}}"
