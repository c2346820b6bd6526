"""Running api applications, and people who call them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
from aiohttp.test_utils import TestServer
from msgspec import Struct
from redis.asyncio import Redis

from services.api.app import DATABASE, create_app
from services.api.settings import ApiSettings
from services.api.store.database import Database
from shared.entries import EventBatch, ReceiptSignal, RoutedEvent, decode_event_batch, decode_signal
from shared.ids import new_id
from shared.keys import Keys
from shared.partitions import partition_of
from shared.settings import HostPort, Secret
from tests.support.tokens import TestIssuer

PARTITIONS = 4


def api_settings(
    postgres_url: str, redis_url: str, key_prefix: str, issuer: str, **changes: Any
) -> ApiSettings:
    """Settings of a small api."""
    settings = ApiSettings(
        listen=HostPort("127.0.0.1", 0),
        instance="api-test",
        redis_url=Secret(redis_url),
        issuer=issuer,
        key_prefix=key_prefix,
        partitions=PARTITIONS,
        database_url=Secret(postgres_url),
        auth_url=issuer,
        database_connections=4,
        database_wait_s=5.0,
        rate_factor=0.0,  # tests are faster than people
    )
    return replace(settings, **changes)


@dataclass
class Answer:
    """What api answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """(status, code, field) of a problem document."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.body
        document = self.json
        assert document["status"] == self.status
        return self.status, document["code"], document.get("field", "")


class Caller:
    """Somebody with a token."""

    def __init__(self, api: RunningApi, token: str, user: str = "") -> None:
        self._api = api
        self.token = token
        self.id = user

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options["data"] = (
                body if isinstance(body, bytes | BytesIO) else msgspec.json.encode(body)
            )
        async with self._api.http.request(
            method, self._api.url + path, headers=headers, **options
        ) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.call("GET", path, params=query)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.call("POST", path, body)
        assert answer.status in (200, 201, 204), (answer.status, answer.body)
        return answer.json if answer.body else None

    async def direct_with(self, other: Caller) -> str:
        made = await self.post("/v1/conversations", {"kind": "direct", "user": other.id})
        return str(made["id"])

    async def group_with(self, *others: Caller, name: str = "Crew") -> str:
        body = {"kind": "group", "name": name, "members": [other.id for other in others]}
        return str((await self.post("/v1/conversations", body))["id"])

    async def say(self, conversation: str, text: str = "hello", key: str = "") -> Any:
        body = {"client_msg_id": key or new_id(), "body": {"text": text}}
        return await self.post(f"/v1/conversations/{conversation}/messages", body)

    async def sync(self, cursor: str = "", **query: Any) -> Any:
        return await self.get("/v1/sync", cursor=cursor, **query)


class RunningApi:
    """One replica."""

    def __init__(
        self,
        url: str,
        http: aiohttp.ClientSession,
        database: Database,
        redis: Redis,
        keys: Keys,
        issuer: TestIssuer,
    ) -> None:
        self.url = url
        self.http = http
        self.database = database
        self.redis = redis
        self.keys = keys
        self.issuer = issuer

    async def person(self, handle: str = "") -> Caller:
        """A new user who is signed in."""
        user = new_id()
        name = handle or f"u{user.replace('-', '')[-20:]}"
        await self.database.execute(
            "INSERT INTO users (id, handle, display_name, password_hash) VALUES (%s, %s, %s, 'x')",
            (user, name, name.title()),
        )
        return Caller(self, self.issuer.user_token(user), user)

    async def people(self, count: int) -> list[Caller]:
        return [await self.person() for _ in range(count)]

    def service(self, scope: str) -> Caller:
        return Caller(self, self.issuer.service_token(scope))

    def nobody(self) -> Caller:
        return Caller(self, "")

    async def stream(self, conversation: str) -> list[RoutedEvent]:
        """The conversation's events in its stream, in the stream's order, repeats included."""
        key = self.keys.events(partition_of(conversation, PARTITIONS))
        batches: list[EventBatch] = [
            decode_event_batch(fields) for fields in await self._entries(key)
        ]
        return [
            event for batch in batches for event in batch.events
            if event.conversation == conversation
        ]  # fmt: skip

    async def signals(self, conversation: str) -> list[ReceiptSignal]:
        """The conversation's receipts in its stream of signals."""
        key = self.keys.signals(partition_of(conversation, PARTITIONS))
        signals = [decode_signal(fields) for fields in await self._entries(key)]
        return [
            signal for signal in signals
            if isinstance(signal, ReceiptSignal) and signal.conversation == conversation
        ]  # fmt: skip

    async def _entries(self, key: str) -> list[dict[bytes, bytes]]:
        answer: Any = await self.redis.xrange(key)
        return [fields for _, fields in answer]

    async def call(self, scope: str, method: str, path: str, body: Struct | None = None) -> Answer:
        return await self.service(scope).call(method, path, body)


@asynccontextmanager
async def running_api(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[RunningApi]:
    """A replica in this process."""
    app = create_app(settings)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    redis = Redis.from_url(settings.redis_url)
    try:
        async with aiohttp.ClientSession() as http:
            url = str(server.make_url("/")).rstrip("/")
            keys = Keys(settings.key_prefix)
            yield RunningApi(url, http, app[DATABASE], redis, keys, issuer)
    finally:
        await redis.aclose()
        await server.close()
