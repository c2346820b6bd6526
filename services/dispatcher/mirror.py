"""Keeps the presence mirror true to the gateways' rosters and the stream of changes.

The rule that everything rests on: a gateway writes roster, then change, then ``welcome``; the
dispatcher drains the changes after it has read events and before it routes them. So whoever had
``welcome`` before an event was committed is in the mirror when it is routed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from services.dispatcher.domain.presence import PresenceMirror
from shared.entries import BadEntry, PersonChange, Presence, decode_presence_change
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import Entries
from shared.redis_lane import Lane, stream_entries

PAGE: Final = 1_000
# The stream is bounded. Whoever has not looked for so long may have missed what was cut.
STALE_AFTER_S: Final = 30.0

EntryId = tuple[int, int]

_decode_presence = msgspec.msgpack.Decoder(Presence).decode


def entry_id(text: bytes) -> EntryId:
    """An id of a stream entry, comparable."""
    ms, _, number = text.partition(b"-")
    return int(ms), int(number or 0)


class MirrorTail:
    """Loads the mirror, then follows the changes. All methods raise RedisError."""

    def __init__(
        self, redis: Redis, keys: Keys, mirror: PresenceMirror, moved: Callable[[set[str]], None],
        news: Callable[[Sequence[PersonChange]], None],
    ) -> None:  # fmt: skip
        self.mirror = mirror
        self.key = keys.presence_changes()
        self.cursor: EntryId = (0, 0)
        self.loaded = False
        self._redis = redis
        self._lane = Lane(redis)
        self._keys = keys
        self._moved = moved
        self._news = news
        self._drained_at = 0.0

    @property
    def position(self) -> str:
        """The id of the last change taken in, for XREAD."""
        return f"{self.cursor[0]}-{self.cursor[1]}"

    async def load(self) -> None:
        """Start over: note the end of the stream, read all rosters, go on from the noted end."""
        before = set(self.mirror.users)
        self.loaded = False
        last = cast(Entries, await self._redis.xrevrange(self.key, count=1))
        rosters = []
        for member in cast(list[bytes], await self._redis.zrange(self._keys.gateways(), 0, -1)):
            gateway = member.decode()
            rosters.append((gateway, await self._roster(gateway)))
        self.mirror.clear()
        for gateway, roster in rosters:
            self.mirror.load(gateway, roster)
        self.cursor = entry_id(last[0][0]) if last else (0, 0)
        self.loaded = True
        self.alive()
        self._moved(before | set(self.mirror.users))
        get_logger().info("presence_loaded", connections=len(self.mirror.connections))

    def alive(self) -> None:
        """The stream has been read to some later point: nothing was missed so far."""
        self._drained_at = time.monotonic()

    async def drain(self) -> None:
        """The barrier: take in every change that has been written by now."""
        if not self.loaded or time.monotonic() - self._drained_at > STALE_AFTER_S:
            await self.load()
        while True:
            answer = await self._lane.one(
                "XREAD", "COUNT", PAGE, "STREAMS", self.key, self.position
            )
            streams = stream_entries(answer)
            for _, entries in streams:
                self.take(entries)
            if not streams or len(streams[0][1]) < PAGE:
                break
        self.alive()

    def take(self, entries: Entries) -> None:
        """Take in changes; those that were seen already change nothing."""
        moved: set[str] = set()
        news: list[PersonChange] = []
        for identifier, fields in entries:
            position = entry_id(identifier)
            if position <= self.cursor:
                continue
            self.cursor = position
            try:
                change = decode_presence_change(fields)
                moved |= self.mirror.apply(change)
                news += change.people
            except BadEntry as error:
                get_logger().error("bad_presence_change", entry=identifier, error=str(error))
        if moved:
            self._moved(moved)
        if news:
            self._news(news)

    def drop(self, gateway: str) -> None:
        """A gateway has turned out to be gone."""
        self._moved(self.mirror.drop(gateway))

    async def _roster(self, gateway: str) -> list[tuple[str, Presence]]:
        roster: list[tuple[str, Presence]] = []
        scan: Any = self._redis.hscan_iter(self._keys.gateway_roster(gateway), count=PAGE)
        async for connection, value in scan:
            try:
                roster.append((connection.decode(), _decode_presence(value)))
            except msgspec.DecodeError as error:
                get_logger().error("bad_roster_entry", gateway=gateway, error=str(error))
        return roster
