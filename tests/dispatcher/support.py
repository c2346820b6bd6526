"""The world around a dispatcher: api as a small real server, gateways as streams in Redis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from services.dispatcher.app import create_app
from services.dispatcher.handlers import WORKER
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.worker import Worker
from shared.entries import (
    DeliveryItem,
    EventBatch,
    PersonChange,
    Presence,
    PresenceChange,
    RoutedEvent,
    Signal,
    decode_delivery,
    encode,
)
from shared.ids import new_id
from shared.internal import (
    Membership,
    MembersReply,
    SeenReport,
    Visibility,
    VisibilityReply,
    VisibilityRequest,
)
from shared.keys import DELIVER_GROUP, DISPATCH_GROUP, Keys
from shared.partitions import partition_of
from shared.runner import TASKS
from shared.settings import HostPort, Secret

PARTITIONS = 4


class FakeApi:
    """The two questions that a dispatcher asks api, answered from memory, and auth's token."""

    def __init__(self) -> None:
        self.events: dict[str, list[RoutedEvent]] = {}
        self.members: dict[str, list[Membership]] = {}
        self.as_of: dict[str, int] = {}  # else: the last event of the log
        self.down: set[str] = set()  # conversations for which it answers 503
        self.asked: list[str] = []
        self.people: dict[str, Visibility] = {}  # else: seen by everyone
        self.people_down = False
        self.seen_ms: dict[str, int] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/connect/token", self._token)
        app.router.add_get("/internal/v1/conversations/{id}/members", self._members)
        app.router.add_get("/internal/v1/conversations/{id}/events", self._events)
        app.router.add_post("/internal/v1/people/visibility", self._visibility)
        app.router.add_post("/internal/v1/people/seen", self._seen)
        return app

    def group(self, users: list[str], *, first_seq: int = 1) -> str:
        """A conversation with these members from ``first_seq`` on."""
        conversation = new_id()
        self.events[conversation] = []
        self.members[conversation] = [Membership(user, first_seq) for user in users]
        return conversation

    def event(self, conversation: str, seq: int, **fields: Any) -> RoutedEvent:
        """An event that is committed: in the log, and the members changed by it."""
        event = event_of(conversation, seq, **fields)
        self.events.setdefault(conversation, []).append(event)
        members = self.members.setdefault(conversation, [])
        members += [Membership(user, seq) for user in event.joined]
        for index, member in enumerate(members):
            if member.user in event.left and member.left_seq is None:
                members[index] = Membership(member.user, member.first_seq, seq)
        return event

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "service", "expires_in": 300})

    async def _visibility(self, request: web.Request) -> web.Response:
        if self.people_down:
            return web.Response(status=503)
        users = msgspec.json.decode(await request.read(), type=VisibilityRequest).users
        reply = VisibilityReply(
            [self.people.get(user, Visibility(user, "everyone")) for user in users]
        )
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def _seen(self, request: web.Request) -> web.Response:
        report = msgspec.json.decode(await request.read(), type=SeenReport)
        self.seen_ms |= report.times_ms
        return web.Response(status=204)

    def _refusal(self, conversation: str) -> web.Response | None:
        if conversation in self.down:
            return web.Response(status=503)
        if conversation not in self.events:
            return web.json_response({"code": "not_found", "detail": "no such"}, status=404)
        return None

    async def _members(self, request: web.Request) -> web.Response:
        conversation = request.match_info["id"]
        self.asked.append(f"members {conversation}")
        if refusal := self._refusal(conversation):
            return refusal
        from_seq = int(request.query["from_seq"])
        head = max((event.seq for event in self.events[conversation]), default=0)
        reply = MembersReply(
            self.as_of.get(conversation, head),
            [
                member
                for member in self.members[conversation]
                if member.left_seq is None or member.left_seq >= from_seq
            ],
        )
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def _events(self, request: web.Request) -> web.Response:
        conversation = request.match_info["id"]
        self.asked.append(f"events {conversation}")
        if refusal := self._refusal(conversation):
            return refusal
        after, limit = int(request.query["after_seq"]), int(request.query["limit"])
        found = sorted(
            (event for event in self.events[conversation] if event.seq > after),
            key=lambda event: event.seq,
        )
        body = msgspec.msgpack.encode(EventBatch(found[:limit]))
        return web.Response(body=body, content_type="application/msgpack")


def event_of(conversation: str, seq: int, **fields: Any) -> RoutedEvent:
    """An event, its frame telling conversation and seq."""
    frame = json.dumps({"type": "event", "conversation": conversation, "seq": seq}).encode()
    fields.setdefault("committed_ms", int(time.time() * 1000))
    return RoutedEvent(conversation, seq, frame, **fields)


class Gateway:
    """A gateway as dispatchers see it: lease, stream, roster. It reads, and confirms when told."""

    def __init__(self, world: World, name: str) -> None:
        self.id = f"{name}-{new_id()[-8:]}"
        self._redis = world.redis
        self._keys = world.keys
        self.out = self._keys.gateway_out(self.id)
        self._read = "0-0"
        self.fences: list[tuple[int, int]] = []
        self.items: list[DeliveryItem] = []

    async def start(self) -> None:
        await self._redis.set(self._keys.gateway_lease(self.id), "1")
        await self._redis.xgroup_create(self.out, DELIVER_GROUP, id="0", mkstream=True)
        await self._redis.zadd(self._keys.gateways(), {self.id: int(time.time() * 1000)})

    async def die(self) -> None:
        """The lease runs out."""
        await self._redis.delete(self._keys.gateway_lease(self.id))

    async def connect(self, *users: str) -> list[str]:
        """One connection for each user; returns their ids."""
        connections = [new_id() for _ in users]
        await self.adopt(connections, list(users))
        return connections

    async def adopt(self, connections: list[str], users: list[str]) -> None:
        """These connections are here now."""
        came = [
            (connection, Presence(user, new_id(), 0))
            for connection, user in zip(connections, users, strict=True)
        ]
        roster: Any = {connection: msgspec.msgpack.encode(who) for connection, who in came}
        await self._redis.hset(self._keys.gateway_roster(self.id), mapping=roster)
        await self._change(PresenceChange(self.id, came=came))

    async def idle(self, connection: str, user: str, away: bool) -> None:
        """A device lies idle, or does not any more."""
        presence = Presence(user, new_id(), 0, away)
        fields: Any = {connection: msgspec.msgpack.encode(presence)}
        await self._redis.hset(self._keys.gateway_roster(self.id), mapping=fields)
        await self._change(PresenceChange(self.id, came=[(connection, presence)]))

    async def disconnect(self, *connections: str) -> None:
        await self._redis.hdel(self._keys.gateway_roster(self.id), *connections)
        await self._change(PresenceChange(self.id, went=list(connections)))

    async def read(self) -> list[DeliveryItem]:
        """All items so far, in order."""
        page: Any = await self._redis.xrange(self.out, min=f"({self._read}")
        for identifier, fields in page:
            delivery = decode_delivery(fields)
            self._read = identifier.decode()
            self.fences.append((delivery.partition, delivery.fence))
            self.items += delivery.items
        return self.items

    async def events(self) -> list[tuple[str, int]]:
        """(conversation, seq) of the events so far."""
        return [(item.conversation, item.seq) for item in await self.read() if item.seq]

    async def seqs(self, user: str) -> list[int]:
        """Seqs of the events for this user so far."""
        return [item.seq for item in await self.read() if item.seq and user in item.users]

    async def signals(self) -> list[tuple[list[str], dict[str, Any]]]:
        """Users and frames of the signals so far."""
        return [(item.users, json.loads(item.frame)) for item in await self.read() if not item.seq]

    async def _change(self, change: PresenceChange) -> None:
        await self._redis.xadd(self._keys.presence_changes(), cast(Any, encode(change)))


class Running:
    """A dispatcher in this process."""

    def __init__(self, app: web.Application, server: TestServer) -> None:
        self.app = app
        self.server = server
        self._ended = False

    @property
    def worker(self) -> Worker:
        return self.app[WORKER]

    @property
    def owned(self) -> set[int]:
        return {partition.number for partition in self.worker.owned if partition.reading}

    async def stop(self) -> None:
        """As SIGTERM does."""
        if not self._ended:
            self._ended = True
            await self.server.close()

    async def kill(self) -> None:
        """End without releasing anything: cancelled wherever it is."""
        self._ended = True
        for partition in self.worker.owned:
            partition.drop()
        await self.app[TASKS].close()
        await self.worker.close()

        # What is left is the listening socket; its orderly stop would release the leases.
        async def nothing() -> None:
            return None

        self.worker.stop = nothing  # type: ignore[method-assign]
        await self.server.close()

    async def metrics(self) -> dict[str, float]:
        """Samples by name, those with labels as written."""
        text = await self._text("/metrics")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    async def get(self, path: str) -> Any:
        """A JSON document."""
        return json.loads(await self._text(path))

    async def _text(self, path: str) -> str:
        url = self.server.make_url(path)
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return await response.text()


class World:
    """Redis, api, gateways and dispatchers of one test."""

    def __init__(self, redis: Redis, url: str, prefix: str, api: FakeApi, api_url: str) -> None:
        self.redis = redis
        self.url = url
        self.keys = Keys(prefix)
        self.api = api
        self.api_url = api_url
        self._dispatchers: list[Running] = []

    def settings(self, **fields: Any) -> DispatcherSettings:
        values: dict[str, Any] = {
            "listen": HostPort("127.0.0.1", 0),
            "instance": f"d{len(self._dispatchers)}",
            "redis_url": Secret(self.url),
            "issuer": "http://localhost",
            "partitions": PARTITIONS,
            "key_prefix": self.keys.prefix,
            "api_urls": (self.api_url,),
            "auth_url": self.api_url,
            "client_secret": Secret("secret"),
            "lease_ttl_s": 1.2,
            "block_ms": 100,
            "upkeep_s": 0.2,
            "gap_hold_ms": 100,
        }
        return DispatcherSettings(**(values | fields))

    async def dispatcher(self, **fields: Any) -> Running:
        app = create_app(self.settings(**fields))
        server = TestServer(app)
        await server.start_server()
        running = Running(app, server)
        self._dispatchers.append(running)
        return running

    async def gateway(self, name: str = "g") -> Gateway:
        gateway = Gateway(self, name)
        await gateway.start()
        return gateway

    async def add(self, *events: RoutedEvent) -> bytes:
        """One entry of the stream, as api writes it; all of one partition."""
        partition = self.partition(events[0].conversation)
        batch = cast(Any, encode(EventBatch(list(events))))
        return cast(bytes, await self.redis.xadd(self.keys.events(partition), batch))

    async def news(self, *changes: PersonChange) -> None:
        """As api writes them."""
        entry = cast(Any, encode(PresenceChange("", people=list(changes))))
        await self.redis.xadd(self.keys.presence_changes(), entry)

    async def signal(self, conversation: str, signal: Signal) -> None:
        key = self.keys.signals(self.partition(conversation))
        await self.redis.xadd(key, cast(Any, encode(signal)))

    def partition(self, conversation: str) -> int:
        return partition_of(conversation, PARTITIONS)

    def conversation_in(self, partition: int, make: Callable[[], str]) -> str:
        """Make conversations until one is in this partition."""
        while self.partition(conversation := make()) != partition:
            pass
        return conversation

    async def pending(self, partition: int) -> int:
        """Entries read and not confirmed."""
        summary = await self.redis.xpending(self.keys.events(partition), DISPATCH_GROUP)
        return int(summary["pending"])

    async def stop(self) -> None:
        await asyncio.gather(*(running.stop() for running in self._dispatchers))


@asynccontextmanager
async def world_of(url: str, prefix: str) -> AsyncIterator[World]:
    """A world without any dispatcher yet; whatever was started in it is stopped at the end."""
    redis = Redis.from_url(url)
    api = FakeApi()
    server = TestServer(api.app())
    await server.start_server()
    world = World(redis, url, prefix, api, str(server.make_url("")).rstrip("/"))
    try:
        yield world
    finally:
        await world.stop()
        await server.close()
        await redis.aclose()
