"""What the services notice of Redis: its epoch, revocations, and safe connections."""

from __future__ import annotations

import asyncio

import pytest

from shared import entries
from shared.epoch import EpochWatch
from shared.keys import Keys
from shared.redis_client import RedisError, connect, connect_blocking, entries_of
from shared.revocations import RevokedSessions
from standalone.servers.redis import Redis as RedisServer
from tests.support.servers import wait_until


async def test_the_epoch_stays_while_redis_lives(redis_url: str, key_prefix: str) -> None:
    redis = connect(redis_url)
    watch = EpochWatch(redis, Keys(key_prefix))
    assert await watch.current() == await watch.current()
    await redis.aclose()


async def test_a_wiped_redis_is_another_epoch(own_redis: RedisServer) -> None:
    redis = connect(own_redis.url)
    watch = EpochWatch(redis, Keys())
    known = await watch.current()
    waiting = asyncio.create_task(watch.wait_change(known))
    await redis.flushall()
    changed = await waiting
    assert changed.run_id == known.run_id
    assert changed.value != known.value
    await redis.aclose()


async def test_a_restarted_redis_is_another_epoch(own_redis: RedisServer) -> None:
    redis = connect(own_redis.url)
    watch = EpochWatch(redis, Keys())
    known = await watch.current()
    waiting = asyncio.create_task(watch.wait_change(known))
    await asyncio.to_thread(own_redis.stop)
    await asyncio.to_thread(own_redis.start)
    changed = await waiting
    assert changed.run_id != known.run_id
    await redis.aclose()


async def test_revocations_are_heard_and_remembered(redis_url: str, key_prefix: str) -> None:
    redis, keys = connect(redis_url), Keys(key_prefix)
    await redis.xadd(keys.revocations(), entries.encode(entries.Revocation(["early"])))
    heard: list[str] = []
    revoked = RevokedSessions(redis_url, keys)
    following = asyncio.create_task(revoked.run(heard.extend))
    await wait_until(lambda: "early" in revoked)
    await redis.xadd(keys.revocations(), {"d": b"not msgpack"})
    await redis.xadd(keys.revocations(), entries.encode(entries.Revocation(["late", "early"])))
    await wait_until(lambda: "late" in revoked)
    assert heard == ["early", "late"]
    revoked.stop()
    await following
    await redis.aclose()


async def test_revocations_are_forgotten_when_no_token_can_be_left(
    redis_url: str, key_prefix: str
) -> None:
    redis, keys = connect(redis_url), Keys(key_prefix)
    offset = [0.0]
    revoked = RevokedSessions(
        redis_url, keys, now=lambda: asyncio.get_running_loop().time() + offset[0]
    )
    following = asyncio.create_task(revoked.run(lambda _: None))
    await redis.xadd(keys.revocations(), entries.encode(entries.Revocation(["old"])))
    await wait_until(lambda: "old" in revoked)
    offset[0] = 601.0
    await wait_until(lambda: "old" not in revoked)
    revoked.stop()
    await following
    await redis.aclose()


async def test_a_stalled_redis_is_an_error_and_not_a_second_entry(own_redis: RedisServer) -> None:
    redis = connect(own_redis.url)
    await redis.ping()
    own_redis.process.pause()
    try:
        with pytest.raises(RedisError):
            await redis.xadd("stream", {"d": b"once"})
    finally:
        own_redis.process.resume()
    await wait_until(redis.ping)
    assert await redis.xlen("stream") <= 1
    await redis.aclose()


async def test_more_commands_than_connections_wait_for_their_turn(redis_url: str) -> None:
    redis = connect(redis_url, max_connections=2)
    assert await asyncio.gather(*(redis.echo(str(n)) for n in range(50))) == [
        str(n).encode() for n in range(50)
    ]
    await redis.aclose()


async def test_a_trimmed_entry_that_is_still_pending_has_no_fields(
    redis_url: str, key_prefix: str
) -> None:
    redis, blocking = connect(redis_url), connect_blocking(redis_url, 100)
    stream = f"{key_prefix}:s"
    await redis.xgroup_create(stream, "g", "0", mkstream=True)
    entry_id = await redis.xadd(stream, {"d": b"x"})
    first = entries_of(await blocking.xreadgroup("g", "c", {stream: ">"}, block=100))
    assert first == [(stream.encode(), [(entry_id, {b"d": b"x"})])]
    await redis.xtrim(stream, maxlen=0)
    again = entries_of(await blocking.xreadgroup("g", "c", {stream: "0"}))
    assert again == [(stream.encode(), [(entry_id, {})])]
    assert entries_of(await blocking.xreadgroup("g", "c", {stream: ">"}, block=1)) == []
    await redis.aclose()
    await blocking.aclose()
