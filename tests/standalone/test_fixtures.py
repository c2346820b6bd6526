"""The fixtures that the other tests stand on."""

from __future__ import annotations

import asyncio

import psycopg2
import pytest
import redis.asyncio

from standalone.servers.redis import Redis
from tests.support.servers import wait_until


def tables(url: str) -> set[str]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return {name for (name,) in cursor.fetchall()}
    finally:
        connection.close()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_gets_an_empty_database(postgres_url: str, turn: int) -> None:
    assert tables(postgres_url) == set()
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_behind (id int)")
    connection.close()
    assert tables(postgres_url) == {"left_behind"}


def test_non_ascii_text_is_lower_cased(postgres_url: str) -> None:
    connection = psycopg2.connect(postgres_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('ÄÖÜ ΣΑΣ ЖЩ')")
        assert cursor.fetchone() == ("äöü σασ жщ",)
    connection.close()


async def test_redis_answers_and_prefixes_differ(redis_url: str, key_prefix: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.set(f"{key_prefix}:x", "1", nx=True)
        assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_an_own_redis_keeps_its_data_over_a_kill(own_redis: Redis) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("kept", "1")
    own_redis.process.kill()
    own_redis.start()
    with redis.Redis.from_url(own_redis.url) as client:
        assert client.get("kept") == b"1"


async def test_wait_until_tells_what_did_not_come_true() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match="never"):
        await wait_until(never, timeout_s=0.05)


async def test_a_finished_task_is_no_leftover() -> None:
    await asyncio.create_task(asyncio.sleep(0))
