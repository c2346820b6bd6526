"""Copies who came and went from Redis into the feed, where it is kept beside the events."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.api.rosters import connected
from services.api.store.errors import StoreError
from services.api.store.feed import PRUNE_ROWS, Feed, Position
from shared.entries import PresenceChange, decode_presence_change
from shared.epoch import EpochWatch
from shared.keys import Keys
from shared.logs import get_logger
from shared.redis_client import Entries, RedisError
from shared.services import FeedItem

EVERY_S: Final = 0.5
COUNT: Final = 500
PRUNE_EVERY_S: Final = 600.0


class Feeding:
    """What runs while there is a feed. Every replica may: one of them copies each entry."""

    def __init__(self, feed: Feed, redis: Redis, keys: Keys, *, days: int) -> None:
        self._feed = feed
        self._redis = redis
        self._epoch = EpochWatch(redis, keys)
        self._stream = keys.presence_changes()
        self._days = days

    async def run(self) -> None:
        """Copy, for ever."""
        while True:
            try:
                while await self.copy() == COUNT:
                    pass
            except (RedisError, StoreError) as error:
                get_logger().warning("presence_not_copied", error=str(error))
            await asyncio.sleep(EVERY_S)

    async def prune(self) -> None:
        """Forget what is too old, for ever."""
        while True:
            try:
                while await self._feed.prune(self._days) == PRUNE_ROWS:
                    pass
            except StoreError as error:
                get_logger().warning("feed_not_pruned", error=str(error))
            await asyncio.sleep(PRUNE_EVERY_S)

    async def copy(self) -> int:
        """Copy some; how many entries there were."""
        before = await self._feed.position()
        epoch = await self._epoch.current()
        run_id = f"{epoch.run_id} {epoch.value}"
        info = await self._info()
        if before.run_id != run_id or _trimmed(info, before.stream_id):
            last = bytes(info.get("last-generated-id", b"0-0")).decode()
            await self._feed.copied(before, Position(run_id, last), [FeedItem(anew=True)])
            return 0
        after = f"({before.stream_id}"
        entries = cast(Entries, await self._redis.xrange(self._stream, after, "+", COUNT))
        if not entries:
            return 0
        items = [
            item
            for _, fields in entries
            if (item := _item(decode_presence_change(fields))) is not None
        ]
        last_id = entries[-1][0].decode()
        await self._feed.copied(before, Position(run_id, last_id), items)
        return len(entries)

    async def _info(self) -> dict[str, Any]:
        try:
            return dict(await self._redis.xinfo_stream(self._stream))
        except ResponseError:  # there is none yet
            return {}


def _trimmed(info: dict[str, Any], known: str) -> bool:
    """Whether entries after ``known`` may be gone already."""
    first = info.get("first-entry")
    if not first or info["entries-added"] == info["length"]:
        return False
    return _order(bytes(first[0]).decode()) > _order(known)


def _order(stream_id: str) -> tuple[int, int]:
    ms, _, number = stream_id.partition("-")
    return int(ms), int(number or 0)


def _item(change: PresenceChange) -> FeedItem | None:
    came = [connected(change.gateway, connection, who) for connection, who in change.came]
    gone = change.gateway if change.gone else ""
    if not (came or change.went or gone):
        return None  # news of people
    return FeedItem(came=came, went=change.went, gateway=gone)
