"""A real failover by real Sentinels: clients of Redis follow, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis import Redis

from shared import redis_sentinel
from shared.epoch import EpochWatch
from shared.ids import new_id
from shared.keys import Keys
from shared.redis_client import RedisError, connect
from shared.redis_lane import Lane
from standalone.provision import Person, Provision
from standalone.stack import Options, Stack
from tests.support.sentinels import Sentinels, sentinels
from tests.support.servers import wait_until

SLOW = pytest.mark.skipif(
    not os.environ.get("AGILEIM_TEST_OPERATORS"), reason="slow: make test-operators"
)


def test_the_url_says_what_is_needed() -> None:
    assert redis_sentinel.is_sentinel("redis+sentinel://h/name")
    assert not redis_sentinel.is_sentinel("redis://h/0")
    for short in ("redis+sentinel://", "redis+sentinel://h:26379", "redis+sentinel:///name"):
        with pytest.raises(ValueError, match="must be"):
            redis_sentinel.pool(short, timeout_s=1, connect_timeout_s=1)
    pool = redis_sentinel.pool(
        "rediss+sentinel://me:p%40ss@one:1,two/prod/3?sentinel_password=x",
        timeout_s=1, connect_timeout_s=1,
    )  # fmt: skip
    kept = pool.connection_kwargs
    assert (kept["username"], kept["password"], kept["db"]) == ("me", "p@ss", 3)


async def test_connections_follow_the_primary(tmp_path: Path) -> None:
    with sentinels(tmp_path) as group:
        redis = connect(group.url)
        lane = Lane(redis)
        epochs = EpochWatch(redis, Keys())
        try:
            before = await epochs.current()
            await lane.one("SET", "said", "before")
            await redis.wait(1, 1000)
            first = await asyncio.to_thread(group.primary)
            await asyncio.to_thread(group.kill, first)

            async def answers() -> bool:
                try:
                    return bool(await lane.one("SET", "said", "after") and await redis.ping())
                except RedisError:
                    return False

            await wait_until(answers, timeout_s=30, poll_s=0.1)
            assert await asyncio.to_thread(group.primary) != first
            # Another server: everybody registers anew, by its run id.
            assert (await epochs.current()).run_id != before.run_id
            assert await redis.get("said") == b"after"
        finally:
            await redis.aclose()


async def test_a_former_primary_that_is_a_replica_now_is_left(tmp_path: Path) -> None:
    """A failover without a death: the old primary answers, and refuses to write."""
    with sentinels(tmp_path) as group:
        redis = connect(group.url)
        try:
            await redis.set("said", "before")
            first = await asyncio.to_thread(group.primary)
            await asyncio.to_thread(_fail_over, group)

            async def moved() -> bool:
                try:
                    await redis.set("said", "after")
                except RedisError:
                    return False
                return await asyncio.to_thread(group.primary) != first

            await wait_until(moved, timeout_s=40, poll_s=0.2)
            with group.server(await asyncio.to_thread(group.primary)) as server:
                assert server.get("said") == b"after"
        finally:
            await redis.aclose()


def _fail_over(group: Sentinels) -> None:
    with Redis(port=group.watchers[0], socket_timeout=2) as watcher:
        watcher.execute_command("SENTINEL", "FAILOVER", "agileim")


@SLOW
@pytest.mark.timeout(180)
async def test_people_go_on_talking_after_a_failover(tmp_path: Path) -> None:
    with sentinels(tmp_path) as group:
        stack = Stack(
            Options(
                data=tmp_path / "data", port=0, edge=False, auto_restart=False, durable=False,
                harness=True, redis_url=group.url, counts={"gateway": 2, "dispatcher": 2, "api": 2},
            )
        )  # fmt: skip
        await asyncio.to_thread(stack.start)
        try:
            async with Provision(
                auth_url=stack.service_url("auth-1"), api_url=stack.service_url("api-1"),
                client_id="harness", client_secret=stack.client_secret("harness"),
            ) as service:  # fmt: skip
                await fail_over_amid_talk(stack, service, group)
        finally:
            await asyncio.to_thread(stack.stop)


async def fail_over_amid_talk(stack: Stack, service: Provision, group: Sentinels) -> None:
    anna, ben = await service.people(2)
    (room,) = await service.directs([(anna, ben)])
    async with Ears(stack, "gateway-2", ben) as ears:
        talking = Talking(service, anna, room)
        task = asyncio.create_task(talking.run())
        await wait_until(lambda: len(ears.seqs) > 5, timeout_s=20)
        await asyncio.to_thread(group.kill, await asyncio.to_thread(group.primary))
        await wait_until(lambda: ears.resyncs, timeout_s=40)
        then = len(ears.seqs)
        await wait_until(lambda: len(ears.seqs) > then + 5, timeout_s=40)
        talking.stopping = True
        await task
        # What came while Redis was away is fetched, as every client does after `resync`.
        head = max(talking.seqs)
        got = set(ears.seqs)
        after = 0
        while after < head:
            path = f"/v1/conversations/{room}/events?after_seq={after}&limit=200"
            page = (await service.rest(ben, "GET", path))["events"]
            after = page[-1]["seq"]
            got |= {event["seq"] for event in page}
        assert set(talking.seqs) <= got
        assert len(talking.seqs) == len(set(talking.seqs))


class Talking:
    """Anna sends, one message after the other; none may be refused, with or without Redis."""

    def __init__(self, service: Provision, person: Person, room: str) -> None:
        self._service, self._person, self._room = service, person, room
        self.seqs: list[int] = []
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            body = {"client_msg_id": new_id(), "body": {"text": "are you there?"}}
            path = f"/v1/conversations/{self._room}/messages"
            self.seqs.append((await self._service.rest(self._person, "POST", path, body))["seq"])
            await asyncio.sleep(0.02)


class Ears:
    """Ben listens on his socket."""

    def __init__(self, stack: Stack, gateway: str, person: Person) -> None:
        self._url = stack.service_url(gateway) + "/ws"
        self._token = person.access_token
        self.seqs: list[int] = []
        self.resyncs = 0

    async def __aenter__(self) -> Ears:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(self._url, protocols=("agileim.v1",))
        await self._socket.send_json({"type": "hello", "token": self._token})
        assert (await self._socket.receive_json())["type"] == "welcome"
        self._task = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        count = 0
        async for message in self._socket:
            frame: dict[str, Any] = json.loads(message.data)
            if frame["type"] == "event":
                count += 1
                self.seqs.append(frame["seq"])
                await self._socket.send_json({"type": "ack", "n": count})
            elif frame["type"] == "ping":
                await self._socket.send_json({"type": "pong"})
            elif frame["type"] == "resync":
                self.resyncs += 1

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._http.close()
