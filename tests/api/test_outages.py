"""What happens when parts go away amid the work."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg2
from psycopg2.extensions import parse_dsn

from services.api.settings import ApiSettings
from shared.entries import Revocation, encode
from shared.ids import new_id
from shared.internal import (
    SCOPE_GATEWAY,
    Appended,
    AppendReply,
    AppendRequest,
    NewMessage,
)
from tests.api.rig import Caller, RunningApi, running_api
from tests.api.test_database import terminate_backends
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer


async def test_connections_cut_amid_sends_lose_and_double_nothing(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer, postgres_url: str
) -> None:
    async with running_api(settings, issuer) as second:
        ada, bob = await api.people(2)
        rooms = [await ada.group_with(bob) for _ in range(2)]
        places: dict[str, set[tuple[str, int]]] = {}
        finished = asyncio.Event()

        async def send(replica: RunningApi, room: str, key: str) -> None:
            """As a client does: the same id until there is an answer."""
            request = AppendRequest([NewMessage(room, ada.id, key, {"text": "hi"})])
            while True:
                answer = await replica.call(SCOPE_GATEWAY, "POST", "/internal/v1/messages", request)
                (result,) = msgspec.json.decode(answer.body, type=AppendReply).results
                if isinstance(result, Appended):
                    places.setdefault(key, set()).add((room, result.seq))
                    return
                assert result.code == "unavailable"

        async def cut() -> None:
            while not finished.is_set():
                await asyncio.to_thread(terminate_backends, postgres_url)
                await asyncio.sleep(0.2)  # between two cuts, something gets done

        cutting = asyncio.create_task(cut())
        try:
            for _ in range(20):
                keys = [new_id() for _ in range(10)]
                await asyncio.gather(
                    *(
                        send(replica, rooms[n % 2], key)
                        for replica in (api, second)
                        for n, key in enumerate(keys)
                    )
                )
        finally:
            finished.set()
            await cutting
        assert len(places) == 200
        assert all(len(seen) == 1 for seen in places.values())

        async def complete() -> bool:
            for room in rooms:
                log = await ada.get(f"/v1/conversations/{room}/events", after_seq=0, limit=200)
                seqs = [event["seq"] for event in log["events"]]
                assert seqs == list(range(1, 102))
                assert {event.seq for event in await api.stream(room)} == set(seqs)
            return True

        await wait_until(complete, timeout_s=20)


async def test_without_postgres_api_is_not_ready_and_says_so(
    api: RunningApi, postgres_url: str
) -> None:
    ada = await api.person()
    await ada.get("/v1/me")
    # A database that takes no connections is as good as a stopped server, for this test alone.
    await asyncio.to_thread(shut_out, postgres_url)

    async def not_ready() -> bool:
        answer = await api.nobody().call("GET", "/readyz")
        return answer.status == 503 and answer.json["checks"]["postgres"] != "ok"

    await wait_until(not_ready)
    answer = await ada.call("GET", "/v1/me")
    assert answer.refusal[:2] == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await api.nobody().call("GET", "/healthz")).status == 200


def shut_out(url: str) -> None:
    name = parse_dsn(url)["dbname"]
    connection = psycopg2.connect(url, dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
    connection.close()


async def test_a_revoked_session_is_out(api: RunningApi) -> None:
    ada = await api.person()
    session, other = new_id(), new_id()
    here = Caller(api, api.issuer.user_token(ada.id, session=session), ada.id)
    there = Caller(api, api.issuer.user_token(ada.id, session=other), ada.id)
    await here.get("/v1/me")
    fields = encode(Revocation([session], ada.id, "signed out"))
    await api.redis.xadd(api.keys.revocations(), fields)  # type: ignore[arg-type]  # as typed there

    async def out() -> bool:
        return (await here.call("GET", "/v1/me")).status == 401

    await wait_until(out)
    await there.get("/v1/me")


async def test_the_metrics_tell_what_happened(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await ada.say(room, key="one")
    await ada.say(room, key="one")
    page = (await api.nobody().call("GET", "/metrics")).body.decode()
    assert 'agileim_api_sends_total{result="stored"} 1.0' in page
    assert 'agileim_api_sends_total{result="repeat"} 1.0' in page
    assert "agileim_api_send_batch_messages_count 2.0" in page
    assert "agileim_api_outbox_age_seconds" in page
    assert room not in page
