"""Redis, its streams, the partitions' owners and the gateways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from admin.doctor.finding import Finding, State, judged
from admin.operator import Operator
from admin.streams import group_of, owner_of, registered
from shared.keys import DISPATCH_GROUP

OLDEST: Final = (6, 2)
LAG_MAX: Final = 1_000
MEMORY_SHARE: Final = 0.8


async def findings(operator: Operator) -> AsyncIterator[Finding]:
    """All checks of Redis."""
    redis = await operator.redis()
    info: dict[str, Any] = await redis.info()
    version = str(info.get("valkey_version") or info["redis_version"])
    numbers = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    yield judged("Redis version", numbers >= OLDEST, version, "upgrade to 6.2 or newer")
    yield judged(
        "Redis role", info["role"] == "master", info["role"],
        "AGILEIM_REDIS_URL names a replica: let it follow the primary (redis+sentinel://)",
    )  # fmt: skip
    async for finding in _configured(redis, info):
        yield finding
    async for finding in _partitions(operator, redis):
        yield finding
    async for finding in _gateways(operator, redis):
        yield finding


async def _configured(redis: Redis, info: dict[str, Any]) -> AsyncIterator[Finding]:
    try:
        policy = str((await redis.config_get("maxmemory-policy")).get("maxmemory-policy"))
    except ResponseError:  # managed ones do not let us ask
        policy = str(info.get("maxmemory_policy"))
    yield judged(
        "Redis maxmemory-policy", policy in ("noeviction", "None"), policy,
        "CONFIG SET maxmemory-policy noeviction: streams and leases must not be evicted",
    )  # fmt: skip
    yield judged(
        "Redis append-only file", bool(info.get("aof_enabled")),
        "on" if info.get("aof_enabled") else "off",
        "appendonly yes: without it every restart makes all clients sync", State.WARN,
    )  # fmt: skip
    most, used = int(info.get("maxmemory", 0)), int(info["used_memory"])
    yield judged(
        "Redis memory", not most or used <= most * MEMORY_SHARE, f"{used // 2**20} MiB"
        + (f" of {most // 2**20}" if most else ", no limit"),
        "give it more memory: when it is full, deliveries stop", State.WARN,
    )  # fmt: skip


async def _partitions(operator: Operator, redis: Redis) -> AsyncIterator[Finding]:
    keys, partitions = operator.keys, range(operator.settings.partitions)
    orphans = [str(n) for n in partitions if not await owner_of(redis, keys, n)]
    yield judged(
        "partition owners", not orphans,
        f"without: {', '.join(orphans)}" if orphans else f"all {len(partitions)} owned",
        "start a dispatcher; see the runbook AgileIMPartitionWithoutOwner",
    )  # fmt: skip
    waiting, pending, dead = 0, 0, []
    for number in partitions:
        group = await group_of(redis, keys.events(number), DISPATCH_GROUP)
        waiting += int(group.get("lag") or 0)
        pending += int(group.get("pending") or 0)
        if await redis.xlen(keys.dead(number)):
            dead.append(str(number))
    yield judged(
        "stream lag", waiting <= LAG_MAX, f"{waiting} entries wait, {pending} are pending",
        "see the runbook AgileIMStreamLag", State.WARN,
    )  # fmt: skip
    yield judged(
        "dead entries", not dead, f"in partitions {', '.join(dead)}" if dead else "none",
        "agileim admin streams dead, then retry or drop them", State.WARN,
    )  # fmt: skip


async def _gateways(operator: Operator, redis: Redis) -> AsyncIterator[Finding]:
    names = await registered(redis, operator.keys)
    alive = [name for name in names if await redis.exists(operator.keys.gateway_lease(name))]
    yield judged("gateways", bool(alive), f"{len(alive)} alive", "start a gateway")
    dead = sorted(set(names) - set(alive))
    yield judged(
        "dead gateways", not dead, ", ".join(dead) or "none",
        "a dispatcher buries each within seconds: is one running?", State.WARN,
    )  # fmt: skip
