"""A lane gives the answers that redis-py gives, and survives what happens to connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.redis_client import connect, connect_blocking, entries_of
from shared.redis_lane import Lane, stream_entries


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_answers_come_in_the_order_of_the_commands(redis: Redis, key_prefix: str) -> None:
    lane = Lane(redis)
    key = f"{key_prefix}:a"
    answers = await lane.run([("SET", key, 1), ("INCRBY", key, 41), ("GET", key)])
    assert answers[1:] == [42, b"42"]


async def test_a_refused_command_does_not_disturb_the_others(redis: Redis, key_prefix: str) -> None:
    lane = Lane(redis)
    key = f"{key_prefix}:a"
    answers = await lane.answers([("SET", key, "x"), ("XADD", key, "*", "f", "v"), ("GET", key)])
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == b"x"
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await lane.one("XADD", key, "*", "f", "v")


async def test_entries_read_as_redis_py_reads_them(redis: Redis, key_prefix: str) -> None:
    lane = Lane(redis)
    streams = [f"{key_prefix}:s{index}" for index in range(2)]
    assert stream_entries(await lane.one("XREAD", "STREAMS", *streams, "0", "0")) == []
    await lane.run([("XADD", stream, "*", "d", b"\x00\xff", "e", "1") for stream in streams])
    mine = stream_entries(await lane.one("XREAD", "STREAMS", *streams, "0", "0"))
    assert mine == entries_of(await redis.xread(dict.fromkeys(streams, "0")))


async def test_a_pending_entry_that_was_trimmed_has_no_fields(
    redis: Redis, key_prefix: str
) -> None:
    lane, stream = Lane(redis), f"{key_prefix}:s"
    read = ("XREADGROUP", "GROUP", "g", "c", "STREAMS", stream)
    await lane.run([("XGROUP", "CREATE", stream, "g", "0", "MKSTREAM")])
    identifier = await lane.one("XADD", stream, "*", "d", "1")
    assert stream_entries(await lane.one(*read, ">")) == [
        (stream.encode(), [(identifier, {b"d": b"1"})])
    ]
    await lane.one("XTRIM", stream, "MAXLEN", "0")
    assert stream_entries(await lane.one(*read, "0")) == [(stream.encode(), [(identifier, {})])]


async def test_a_connection_that_redis_closed_is_replaced(redis: Redis) -> None:
    lane = Lane(redis)
    first = await lane.one("CLIENT", "ID")
    await redis.client_kill_filter(_id=first)
    assert await lane.one("PING") == b"PONG"
    assert await lane.one("CLIENT", "ID") != first


async def test_no_answer_in_time_is_an_error_and_its_late_answer_is_never_seen(
    redis_url: str, redis: Redis, key_prefix: str
) -> None:
    client = connect_blocking(redis_url, 100)
    lane = Lane(client, timeout_s=0.05)
    try:
        with pytest.raises(RedisError, match="no answer within"):
            await lane.one("BLPOP", f"{key_prefix}:list", 1)
        assert await lane.one("ECHO", "mine") == b"mine"
    finally:
        await client.aclose()


async def test_a_cancelled_call_leaves_nothing_behind(redis: Redis, key_prefix: str) -> None:
    lane = Lane(redis)
    await lane.one("PING")
    call = asyncio.create_task(lane.one("BLPOP", f"{key_prefix}:list", 1))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await lane.one("ECHO", "mine") == b"mine"


async def test_calls_at_the_same_time_get_their_own_answers(redis: Redis) -> None:
    lane = Lane(redis)
    answers = await asyncio.gather(*(lane.one("ECHO", str(index)) for index in range(50)))
    assert answers == [str(index).encode() for index in range(50)]


async def test_an_unreachable_redis_is_an_error() -> None:
    client = connect("redis://127.0.0.1:1/0")
    try:
        with pytest.raises(RedisError):
            await Lane(client).one("PING")
    finally:
        await client.aclose()
