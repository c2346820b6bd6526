"""The statements of every day walk down indexes, however PostgreSQL would rather do it."""

from __future__ import annotations

import asyncio
from contextlib import closing

import psycopg2
import pytest

from bench.growth.history import Size
from bench.growth.loading import Loader
from services.api.settings import ApiSettings
from services.api.store import database
from services.api.store.migrate import migrate
from shared.ids import new_id
from tests.api.rig import Caller, running_api
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer

PEOPLE, ROOMS, MESSAGES = 400, 3_000, 40_000
LARGE = ("conversations", "members", "events", "sends", "search_blocks")


def fill(url: str, people: list[str]) -> None:
    """A history in which reading a whole table is never the best plan."""
    with closing(psycopg2.connect(url)) as connection, connection:
        connection.cursor().execute(
            "INSERT INTO users (id, handle, display_name, password_hash)"
            " SELECT id, right(id::text, 12), 'x', 'x' FROM unnest(%s::uuid[]) AS i (id)",
            (people,),
        )
    loader = Loader(url, Size(ROOMS, PEOPLE, 5), people, MESSAGES)
    loader.begin()
    loader.grow(MESSAGES)


def whole_tables(url: str) -> dict[str, int]:
    """How often each large table has been read from end to end."""
    with closing(psycopg2.connect(url)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            (list(LARGE),),
        )
        return dict(cursor.fetchall())


def sessions(url: str) -> int:
    """Connections beside the one that asks: they tell what they did when they end."""
    with closing(psycopg2.connect(url)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.slow
async def test_no_hot_question_reads_a_whole_table(
    settings: ApiSettings, issuer: TestIssuer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(postgres_url)
    people = [new_id() for _ in range(PEOPLE)]
    await asyncio.to_thread(fill, postgres_url, people)
    # The service forbids whole tables; here the planner is free to choose them.
    strict = database.server_options
    monkeypatch.setattr(
        database,
        "server_options",
        lambda url: strict(url).replace("enable_seqscan=off", "enable_seqscan=on"),
    )
    # The round of the sealer is no hot question; it looks at all conversations, an hour apart.
    monkeypatch.setattr("services.api.sealing.Sealer.run", lambda _: asyncio.sleep(0))
    before = await asyncio.to_thread(whole_tables, postgres_url)
    async with running_api(settings, issuer) as api:
        for person in people[:5]:
            caller = Caller(api, issuer.user_token(person), person)
            synced = await caller.sync()
            room = next(one for one in synced["conversations"] if one["kind"] == "group")
            path = f"/v1/conversations/{room['id']}"
            await caller.say(room["id"])
            await caller.get(f"{path}/events", before_seq=room["head_seq"])
            await caller.get(f"{path}/messages", before_seq=room["head_seq"])
            await caller.get(path)
            await caller.get(f"{path}/members")
            await caller.post(f"{path}/receipts", {"read_seq": room["head_seq"]})
            await caller.get("/v1/conversations")
            await caller.sync(synced["cursor"])
            for query in ({"q": "ba"}, {"q": "hello"}, {"from": person}, {"q": "没有"}):
                await caller.get("/v1/search", **query)
            await caller.get("/v1/search", q="ba", **{"in": room["id"], "order": "relevance"})
    await wait_until(lambda: sessions(postgres_url) == 0)
    after = await asyncio.to_thread(whole_tables, postgres_url)
    assert before.keys() == set(LARGE)
    assert {name: after[name] - before[name] for name in LARGE} == dict.fromkeys(LARGE, 0)
