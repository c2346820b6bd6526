"""What the servers hold: PostgreSQL read directly, Redis's rosters and streams, processes' gauges.

Everything here blocks; the harness calls it in a thread.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import psycopg2
import redis
from prometheus_client.parser import text_string_to_metric_families

from shared.entries import Presence
from shared.keys import DELIVER_GROUP, DISPATCH_GROUP, Keys
from tests.faults.deeds import Tables
from tests.faults.history import RosterEntry, StoredEvent, text_hash

PREFIX: Final = "im"
_TIMEOUT_S: Final = 5.0


@dataclass(slots=True)
class Stored:
    """What PostgreSQL holds of all conversations."""

    events: list[StoredEvent] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)
    founders: dict[str, frozenset[str]] = field(default_factory=dict)
    outbox: int = 0
    tables: Tables = field(default_factory=Tables)


def stored(database_url: str) -> Stored:
    """Read it all, in one snapshot."""
    result = Stored()
    with closing(psycopg2.connect(database_url, connect_timeout=int(_TIMEOUT_S))) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id::text, kind, head_seq, low_id::text, high_id::text, inbox_of::text"
                " FROM conversations"
            )
            for conversation, _, head, low, high, inbox_of in cursor.fetchall():
                result.heads[conversation] = head
                founders = frozenset(user for user in (low, high, inbox_of) if user)
                if founders:
                    result.founders[conversation] = founders
            cursor.execute(
                "SELECT conversation_id::text, seq, kind, sender_id::text,"
                " extract(epoch FROM created_at)::float8, client_msg_id, body"
                " FROM events ORDER BY conversation_id, seq"
            )
            result.events = [_stored_event(*row) for row in cursor.fetchall()]
            cursor.execute("SELECT count(*) FROM outbox")
            result.outbox = cursor.fetchall()[0][0]
            result.tables = _tables(cursor)
    return result


def _tables(cursor: Any) -> Tables:
    def rows(sql: str) -> list[tuple[Any, ...]]:
        cursor.execute(sql)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    return Tables(
        reactions=set(
            rows("SELECT conversation_id::text, seq, emoji, user_id::text FROM reactions")
        ),
        pins=set(rows("SELECT conversation_id::text, seq FROM pins")),
        recalls=set(rows("SELECT conversation_id::text, seq FROM recalls")),
        versions={
            (conversation, seq): version
            for conversation, seq, version in rows(
                "SELECT conversation_id::text, seq, max(version) FROM message_versions"
                " GROUP BY 1, 2"
            )
        },
        replies={
            (conversation, seq): replies
            for conversation, seq, replies in rows(
                "SELECT conversation_id::text, root_seq, replies FROM threads"
            )
        },
        mentions=set(rows("SELECT conversation_id::text, seq, user_id::text FROM mentions")),
    )


def _stored_event(
    conversation: str, seq: int, kind: str, sender: str, at: float, client_msg_id: str, body: str
) -> StoredEvent:
    content: dict[str, Any] = json.loads(body)
    joined: Iterable[str] = ()
    left: Iterable[str] = ()
    match kind:
        case "conversation_created" if content.get("kind") == "group":
            joined = {sender, *content["members"]}
        case "members_added":
            joined = content["users"]
        case "member_removed" | "member_left":
            left = [content["user"]]
    return StoredEvent(
        conversation=conversation,
        seq=seq,
        kind=kind,
        sender=sender,
        at=at,
        client_msg_id=client_msg_id,
        text=text_hash(content["text"]) if kind == "message" else "",
        target=int(content.get("thread" if kind == "message" else "seq", 0)),
        detail=str(content.get("emoji", content.get("version", ""))),
        mentions=tuple(content.get("mentions", ())),
        recalled=content.get("recalled") is True,
        joined=tuple(joined),
        left=tuple(left),
    )


@dataclass(slots=True)
class Fast:
    """What Redis holds."""

    rosters: list[RosterEntry] = field(default_factory=list)
    pending: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)


def fast(redis_url: str) -> Fast:
    """Rosters of living gateways; what is on its way; what was given up."""
    keys, result = Keys(PREFIX), Fast()
    decoder = msgspec.msgpack.Decoder(Presence)
    client: Any = redis.Redis.from_url(redis_url, socket_timeout=_TIMEOUT_S, protocol=2)
    with client:
        names = sorted(name.decode() for name in client.scan_iter(f"{PREFIX}:*", count=1000))
        living = {
            gateway.decode()
            for gateway in client.zrange(keys.gateways(), 0, -1)
            if client.exists(keys.gateway_lease(gateway.decode()))
        }
        own = {keys.gateway_roster(gateway) for gateway in living}
        own |= {keys.gateway_out(gateway) for gateway in living}
        for name in names:
            if name.endswith(":conns") and name in own:
                for connection, value in client.hgetall(name).items():
                    who = decoder.decode(value)
                    result.rosters.append(
                        RosterEntry(
                            connection=connection.decode(), user=who.user, session=who.session
                        )
                    )
            elif name.endswith((":conns", ":out")) and name not in own:
                result.pending[f"{name} of a gateway that is gone"] = 1
            elif name.endswith(":events"):
                result.pending[name] = _unconfirmed(client, name, DISPATCH_GROUP)
            elif name.endswith(":out"):
                result.pending[name] = _unconfirmed(client, name, DELIVER_GROUP)
            elif name.endswith(":dead"):
                result.dead[name] = client.xlen(name)
    return result


def _unconfirmed(client: Any, stream: str, group: str) -> int:
    """Entries that the group was given and has not confirmed, or was not given yet."""
    for info in client.xinfo_groups(stream):
        if info["name"] == group.encode():
            last = client.xinfo_stream(stream)["last-generated-id"]
            behind = int(_id(info["last-delivered-id"]) < _id(last))
            if behind and client.xlen(stream) == 0:
                behind = 0
            return int(info["pending"]) + (int(info.get("lag") or 0) or behind)
    return int(client.xlen(stream))  # no group: nobody was given anything


def _id(text: bytes) -> tuple[int, int]:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number or 0)


GAUGES: Final = (
    "process_open_fds",
    "agileim_asyncio_tasks",  # a task for every open HTTP connection among them
    "agileim_api_database_connections_in_use",
)
# Connections that may idle, and need not have been open before: to Redis (pools of 8), between
# services (16); the edge keeps up to 32 to each process behind it. A leak for each request or
# socket of a run makes hundreds.
IDLE: Final = 16.0
IDLE_BEHIND_THE_EDGE: Final = 56.0
IN_USE: Final = 1.0  # by a readiness check at that moment


def gauges(url: str) -> dict[str, float]:
    """The figures of one process that must not grow."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=_TIMEOUT_S) as page:  # noqa: S310 - ours
        text = page.read().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in GAUGES
    }


def slack(process: str, name: str) -> float:
    """How much a figure may grow."""
    if name == "agileim_api_database_connections_in_use":
        return IN_USE
    return IDLE_BEHIND_THE_EDGE if process.startswith(("api", "auth")) else IDLE
