"""``presence``: who is connected, and where."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from admin.groups import Groups
from admin.operator import Operator
from admin.streams import registered
from admin.users import the_user
from shared.entries import Presence

SCAN_COUNT: Final = 1000
_presence: Final = msgspec.msgpack.Decoder(Presence)


def add(groups: Groups) -> None:
    """The commands of this module."""
    one = groups.command("presence", presence, "list connections")
    one.add_argument("user", nargs="?", default="", help="of this person: handle or id")
    one.add_argument("--limit", type=int, default=50, help="at most so many (50)")


async def presence(options: Namespace, operator: Operator) -> None:
    """presence"""
    user = (await the_user(operator, options.user)).user if options.user else ""
    rows: list[dict[str, Any]] = []
    redis, keys = await operator.redis(), operator.keys
    for gateway in await registered(redis, keys):
        async for connection, packed in redis.hscan_iter(
            keys.gateway_roster(gateway), count=SCAN_COUNT
        ):
            who = _presence.decode(packed)
            if user and who.user != user:
                continue
            rows.append({
                "user": who.user,
                "session": who.session,
                "connection": connection.decode(),
                "gateway": gateway,
                "since": datetime.fromtimestamp(who.since_ms / 1000, UTC),
            })  # fmt: skip
            if len(rows) == options.limit:
                break
        if len(rows) == options.limit:
            operator.out.remark("there may be more: --limit")
            break
    operator.out.rows(("user", "session", "connection", "gateway", "since"), rows)
