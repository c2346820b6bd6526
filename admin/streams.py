"""``streams`` and ``partitions``: what waits, what is on its way, what died, and whose it is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from admin.errors import NotFound
from admin.groups import Groups
from admin.operator import Operator
from shared.entries import FIELD, BadEntry, decode_event_batch
from shared.keys import DELIVER_GROUP, DISPATCH_GROUP, Keys
from shared.redis_client import Entries

PAGE: Final = 1000

# KEYS dead, events; ARGV entry id of the dead stream → 1, or 0 when there is no such entry.
# Both streams of a partition share a slot.
_RETRY: Final = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if not found[1] then return 0 end
local fields = {}
for i = 1, #found[1][2], 2 do
  local name = found[1][2][i]
  if name ~= 'entry' and name ~= 'reason' then
    fields[#fields + 1] = name
    fields[#fields + 1] = found[1][2][i + 1]
  end
end
if #fields > 0 then redis.call('XADD', KEYS[2], '*', unpack(fields)) end
return redis.call('XDEL', KEYS[1], ARGV[1])
"""


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("streams", "events on their way")
    group.command("lag", lag, "per partition: what waits, what is pending, what died")
    group.command("gateways", gateways, "per gateway: what waits and what is unconfirmed")
    one = group.command("pending", pending, "list entries that were read and not confirmed")
    one.add_argument("partition", type=int)
    one.add_argument("--limit", type=int, default=50)
    one = group.command("dead", dead, "list entries that could not be routed")
    one.add_argument("partition", type=int, nargs="?", default=-1)
    one.add_argument("--limit", type=int, default=50, help="per partition (50)")
    for name, run, text, question in (
        ("retry", retry, "put a dead entry back into its stream", ""),
        ("drop", drop, "forget a dead entry", "Clients will have to fetch what is in it. Drop it?"),
    ):
        one = group.command(name, run, text, changes=True, confirm=question)
        one.add_argument("partition", type=int)
        one.add_argument("entry", help="its id in the dead stream, or `all`")
    groups.command("partitions", partitions, "list partitions and their owners")


async def lag(_: Namespace, operator: Operator) -> None:
    """streams lag"""
    redis, keys = await operator.redis(), operator.keys
    rows = []
    for number in range(operator.settings.partitions):
        group = await group_of(redis, keys.events(number), DISPATCH_GROUP)
        rows.append({
            "partition": number,
            "entries": await redis.xlen(keys.events(number)),
            "lag": group.get("lag"),
            "pending": group.get("pending"),
            "dead": await redis.xlen(keys.dead(number)),
            "signals": await redis.xlen(keys.signals(number)),
            "owner": await owner_of(redis, keys, number),
        })  # fmt: skip
    columns = ("partition", "entries", "lag", "pending", "dead", "signals", "owner")
    operator.out.rows(columns, rows)


async def gateways(_: Namespace, operator: Operator) -> None:
    """streams gateways"""
    redis, keys = await operator.redis(), operator.keys
    rows = []
    for gateway in await registered(redis, keys):
        out = keys.gateway_out(gateway)
        group = await group_of(redis, out, DELIVER_GROUP)
        rows.append({
            "gateway": gateway,
            "alive": bool(await redis.exists(keys.gateway_lease(gateway))),
            "connections": await redis.hlen(keys.gateway_roster(gateway)),
            "entries": await redis.xlen(out),
            "lag": group.get("lag"),
            "pending": group.get("pending"),
        })  # fmt: skip
    operator.out.rows(("gateway", "alive", "connections", "entries", "lag", "pending"), rows)


async def pending(options: Namespace, operator: Operator) -> None:
    """streams pending"""
    redis = await operator.redis()
    key = operator.keys.events(options.partition)
    try:
        found: list[dict[str, Any]] = await redis.xpending_range(
            key, DISPATCH_GROUP, min="-", max="+", count=options.limit
        )
    except ResponseError as error:  # no stream, no group: nothing has ever been read
        if "NOGROUP" not in str(error):
            raise
        found = []
    rows = [
        {
            "entry": row["message_id"].decode(),
            "idle_s": row["time_since_delivered"] / 1000,
            "delivered": row["times_delivered"],
        }
        for row in found
    ]
    operator.out.rows(("entry", "idle_s", "delivered"), rows)


async def dead(options: Namespace, operator: Operator) -> None:
    """streams dead"""
    redis, keys = await operator.redis(), operator.keys
    every = range(operator.settings.partitions)
    rows = []
    for number in every if options.partition < 0 else [options.partition]:
        found = cast(Entries, await redis.xrange(keys.dead(number), count=options.limit))
        rows += [_dead_row(number, identifier, fields) for identifier, fields in found]
    operator.out.rows(("partition", "entry", "was", "events", "reason"), rows)


def _dead_row(partition: int, entry: bytes, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    try:
        events = decode_event_batch(fields).events
        shown = [f"{event.conversation}/{event.seq}" for event in events]
    except BadEntry as error:
        shown = [f"unreadable: {error}"]
    return {
        "partition": partition,
        "entry": entry.decode(),
        "was": fields.get(b"entry", b"").decode(errors="replace"),
        "reason": fields.get(b"reason", b"").decode(errors="replace"),
        "events": shown,
        "bytes": len(fields.get(FIELD, b"")),
    }


async def retry(options: Namespace, operator: Operator) -> None:
    """streams retry"""
    redis, keys = await operator.redis(), operator.keys
    number = options.partition
    await _deal_with(options, operator, "admin_dead_entry_retried", (
        lambda entry: redis.eval(_RETRY, 2, keys.dead(number), keys.events(number), entry)
    ))  # fmt: skip


async def drop(options: Namespace, operator: Operator) -> None:
    """streams drop"""
    redis, keys = await operator.redis(), operator.keys
    await _deal_with(options, operator, "admin_dead_entry_dropped", (
        lambda entry: redis.xdel(keys.dead(options.partition), entry)
    ))  # fmt: skip


async def _deal_with(options: Namespace, operator: Operator, what: str, deal: Any) -> None:
    redis, key = await operator.redis(), operator.keys.dead(options.partition)
    entries = [options.entry]
    if options.entry == "all":
        found = cast(Entries, await redis.xrange(key, count=PAGE))
        entries = [identifier.decode() for identifier, _ in found]
    if not entries:
        raise NotFound("there are no dead entries")
    where = f"partition={options.partition}"
    for entry in entries:
        if not await redis.xrange(key, entry, entry):
            raise NotFound(f"there is no dead entry {entry} in partition {options.partition}")
        await operator.note(what, f"{where} entry={entry}")
        if not await deal(entry):
            raise NotFound(f"the entry {entry} is gone: somebody else dealt with it")
    operator.out.done(f"{len(entries)} done.", partition=options.partition, entries=entries)


async def partitions(_: Namespace, operator: Operator) -> None:
    """partitions"""
    redis, keys = await operator.redis(), operator.keys
    rows = []
    for number in range(operator.settings.partitions):
        lease = await owner_of(redis, keys, number, whole=True)
        owner, fence = lease.rpartition(":")[::2]
        left_ms = await redis.pttl(keys.owner(number))
        rows.append({
            "partition": number,
            "owner": owner,
            "fence": fence,
            "lease_s": left_ms / 1000 if left_ms >= 0 else None,
        })  # fmt: skip
    operator.out.rows(("partition", "owner", "fence", "lease_s"), rows)


async def owner_of(redis: Redis, keys: Keys, partition: int, *, whole: bool = False) -> str:
    """The dispatcher that owns a partition, or ''; ``whole``: with its fence."""
    value = cast(bytes | None, await redis.get(keys.owner(partition)))
    text = (value or b"").decode()
    return text if whole else text.rpartition(":")[0]


async def registered(redis: Redis, keys: Keys) -> list[str]:
    """The gateways that are registered, dead ones included."""
    members = cast(list[bytes], await redis.zrange(keys.gateways(), 0, -1))
    return [member.decode() for member in members]


async def group_of(redis: Redis, stream: str, group: str) -> dict[str, Any]:
    """What Redis knows of a group of a stream; empty without either."""
    try:
        groups = await redis.xinfo_groups(stream)
    except ResponseError:
        return {}
    for found in groups:
        if found["name"] in (group, group.encode()):
            return dict(found)
    return {}
