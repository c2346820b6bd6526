"""Heartbeats that carry the heads of conversations that moved: the net under live delivery.

Connections are spread over buckets, one bucket a turn. A turn after api was asked for a bucket's
heads its connections are pinged; so an event that was on its way while api answered has been
written by then, and is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.gateway.connection import Connection
from services.gateway.hub import Hub
from services.gateway.session import Phase
from services.gateway.stopping import Stop
from services.gateway.wsframe import text_frame
from shared.frames import Head, Ping, encode
from shared.internal import HeadsReply, HeadsRequest
from shared.logs import get_logger
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable

PATH: Final = "/internal/v1/heads"
TIMEOUT_S: Final = 5.0
REQUEST_MAX_USERS: Final = 500
_BARE_PING: Final = text_frame(encode(Ping()))

Heads = dict[str, list[tuple[str, int]]]  # user → [(conversation, head seq)]


class Heartbeat:
    """Pings every connection once in ``heartbeat_s``, a bucket at a time."""

    def __init__(
        self,
        api: ApiClient,
        hub: Hub,
        *,
        heartbeat_s: float,
        buckets: int,
        stop: Stop,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._hub = hub
        self._turn_s = heartbeat_s / buckets
        self._cursors = [""] * buckets
        self._heads: list[Heads] = [{} for _ in range(buckets)]
        self._stop = stop
        self._clock = clock
        self._asking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Beat until the service stops."""
        bucket = 0
        self._asking = asyncio.create_task(self.ask(bucket), name="heads")
        while not await self._stop.pause(self._turn_s):
            self.beat(bucket)
            bucket = (bucket + 1) % len(self._cursors)
            # Asked beside the beat: a slow api must not slow the heart.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self.ask(bucket), name="heads")
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def ask(self, bucket: int) -> None:
        """Learn what moved for the bucket's users since it was asked last."""
        users = sorted({connection.session.user for connection in self._hub.bucket(bucket)})
        since, cursor = self._cursors[bucket], ""
        if not users and since:
            return  # without a cursor yet, one is asked for all the same: see below
        heads: Heads = {}
        try:
            for start in range(0, max(len(users), 1), REQUEST_MAX_USERS):
                request = HeadsRequest(users[start : start + REQUEST_MAX_USERS], since)
                reply = await self._api.call("POST", PATH, request, HeadsReply, timeout_s=TIMEOUT_S)
                heads.update(reply.heads)
                cursor = cursor or reply.cursor  # the first is the oldest, and misses nothing
        except (ApiUnavailable, ApiRefused) as error:
            get_logger().warning("heads_unknown", error=str(error))
            return
        self._cursors[bucket], self._heads[bucket] = cursor, heads
        # A bucket's cursor must be older than whoever joins it, so the first one is for all.
        self._cursors = [known or cursor for known in self._cursors]

    def beat(self, bucket: int) -> None:
        """Ping the bucket's connections, and close those that did not answer."""
        heads, self._heads[bucket] = self._heads[bucket], {}
        now = self._clock()
        for connection in self._hub.bucket(bucket):
            connection.perform(connection.session.beat())
            if connection.session.phase is Phase.LIVE:
                connection.write(_ping(connection, heads), now)
                connection.next_heartbeat()


def _ping(connection: Connection, heads: Heads) -> bytes:
    moved = heads.get(connection.session.user)
    if not moved or not (unsent := connection.unsent(moved)):
        return _BARE_PING
    return text_frame(encode(Ping([Head(conversation, seq) for conversation, seq in unsent])))
