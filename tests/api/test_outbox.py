"""From commit to stream: right away, or by the relay, in order, never lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
from redis.asyncio import Redis as RedisClient

from services.api.metrics import ApiMetrics
from services.api.publisher import ENTRY_MAX_EVENTS, EventStreams, chunks
from services.api.relay import Relay
from services.api.settings import ApiSettings
from services.api.store.outbox import Outbox
from shared import redis_client
from shared.entries import RoutedEvent
from shared.frames import Event
from shared.ids import new_id
from shared.keys import Keys
from shared.metrics import Metrics
from shared.settings import Secret
from standalone.servers.redis import Redis
from tests.api.rig import PARTITIONS, RunningApi, running_api
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer


async def outbox_rows(api: RunningApi) -> int:
    return (await Outbox(api.database).backlog()).rows


async def test_a_row_is_gone_once_its_events_are_in_the_stream(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    await ada.say(conversation)

    async def published() -> bool:
        events = await api.stream(conversation)
        return [e.seq for e in events] == [1, 2] and await outbox_rows(api) == 0

    await wait_until(published)


async def test_sends_go_on_without_redis_and_arrive_in_order_when_it_is_back(
    settings: ApiSettings, issuer: TestIssuer, own_redis: Redis
) -> None:
    settings = replace(settings, redis_url=Secret(own_redis.url))
    async with running_api(settings, issuer) as api:
        ada, bob = await api.people(2)
        rooms = [await ada.direct_with(bob), await ada.group_with(bob)]

        async def quiet() -> bool:
            return await outbox_rows(api) == 0

        await wait_until(quiet)
        await asyncio.to_thread(own_redis.stop)
        for n in range(20):
            sent = await ada.say(rooms[n % 2], f"message {n}")
            assert sent["repeat"] is False
        assert await outbox_rows(api) == 20
        answer = await api.nobody().call("GET", "/readyz")
        assert answer.status == 200
        assert answer.json["checks"]["postgres"] == "ok"
        assert answer.json["checks"]["migrations"] == "ok"
        assert answer.json["checks"]["redis"] != "ok"
        await asyncio.to_thread(own_redis.start)
        await wait_until(quiet, timeout_s=15)
        for room in rooms:
            seqs = [event.seq for event in await api.stream(room)]
            fresh = list(dict.fromkeys(seqs))
            # what was written before the stop may be gone with Redis, or be there
            assert fresh[-10:] == list(range(2, 12))
            assert fresh == sorted(fresh)


def relay_of(api: RunningApi, redis: RedisClient, *, overdue_s: float = 0.0) -> Relay:
    streams = EventStreams(redis, api.keys, PARTITIONS)
    return Relay(Outbox(api.database), streams, ApiMetrics(Metrics()), overdue_s=overdue_s)


async def unpublished(api: RunningApi, rooms: list[str], rounds: int) -> None:
    """Committed transactions whose events never reached Redis, as after a crash."""
    for _ in range(rounds):
        for room in rooms:
            await api.database.execute(
                """
                WITH moved AS (
                    UPDATE conversations SET head_seq = head_seq + 2, number = number + 2
                    WHERE id = %s RETURNING id, head_seq
                ), stored AS (
                    INSERT INTO events
                        (conversation_id, seq, number, kind, sender_id, created_at, body)
                    SELECT id, head_seq + n, head_seq + n - 1, 'message', id, now(), '{"text":"x"}'
                    FROM moved, generate_series(-1, 0) AS n
                )
                INSERT INTO outbox (conversations, first_seqs, last_seqs, created_at)
                SELECT ARRAY[id], ARRAY[head_seq - 1], ARRAY[head_seq], now() - interval '1 hour'
                FROM moved
                """,
                (room,),
            )


async def test_the_relay_sends_what_a_crash_left_behind_in_order(
    settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(settings, issuer) as api:
        ada, bob = await api.people(2)
        rooms = [await ada.group_with(bob) for _ in range(5)]
        await unpublished(api, rooms, 4)

        async def all_there() -> bool:
            return all([len(await api.stream(room)) >= 9 for room in rooms])

        await wait_until(all_there, timeout_s=10)
        for room in rooms:
            assert [event.seq for event in await api.stream(room)] == list(range(1, 10))
        assert await outbox_rows(api) == 0


async def test_relayed_events_say_who_comes_and_goes(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    await ada.post(f"/v1/conversations/{room}/members", {"users": [eve.id]})
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    await eve.post(f"/v1/conversations/{room}/leave")

    async def published() -> bool:
        return await outbox_rows(api) == 0

    await wait_until(published)
    fast = await api.stream(room)
    await api.database.execute(
        "INSERT INTO outbox (conversations, first_seqs, last_seqs, created_at)"
        " VALUES (ARRAY[%s::uuid], ARRAY[1], ARRAY[4], now() - interval '1 hour')",
        (room,),
    )
    await wait_until(published, timeout_s=10)
    again = (await api.stream(room))[4:]
    assert [(e.seq, set(e.joined), e.left) for e in fast] == [
        (1, {ada.id, bob.id}, []), (2, {eve.id}, []), (3, set(), [bob.id]), (4, set(), [eve.id]),
    ]  # fmt: skip
    assert [(e.frame, e.joined, e.left) for e in again] == [
        (e.frame, e.joined, e.left) for e in fast
    ]


async def test_two_relays_do_not_mix_the_order(api: RunningApi, redis_url: str) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    redis = redis_client.connect(redis_url)
    relays = [relay_of(api, redis) for _ in range(2)]
    await unpublished(api, [room], 120)

    async def run(relay: Relay) -> None:
        while await outbox_rows(api):
            await relay.once()

    await asyncio.gather(*map(run, relays))
    await redis.aclose()
    seqs = [event.seq for event in await api.stream(room)]
    fresh = list(dict.fromkeys(seqs))
    assert fresh == sorted(fresh)
    assert len(fresh) == 241


async def test_a_relay_whose_redis_fails_keeps_the_rows(
    api: RunningApi, settings: ApiSettings, own_redis: Redis
) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)

    class Failing(EventStreams):
        async def reachable(self) -> None:
            """It is, until it is written to."""

    dead = redis_client.connect(own_redis.url)
    await asyncio.to_thread(own_redis.stop)
    streams = Failing(dead, Keys(settings.key_prefix), PARTITIONS)
    # A turn at the lock of the relay that runs in the application is waited for.
    relay = Relay(Outbox(api.database), streams, ApiMetrics(Metrics()), overdue_s=0.0)

    async def fails() -> bool:
        await unpublished(api, [room], 1)
        try:
            return await relay.once() < 0
        except redis_client.RedisError:
            return True

    await wait_until(fails)
    await dead.aclose()

    async def healed() -> bool:
        head = (await ada.get(f"/v1/conversations/{room}"))["head_seq"]
        return {e.seq for e in await api.stream(room)} == set(range(1, head + 1))

    await wait_until(healed, timeout_s=10)


def test_entries_are_bounded_in_events_and_bytes() -> None:
    conversation = new_id()

    def event(seq: int, size: int) -> RoutedEvent:
        return RoutedEvent(conversation, seq, b"x" * size, 0)

    small = list(chunks([event(n, 10) for n in range(1000)]))
    assert max(map(len, small)) == ENTRY_MAX_EVENTS
    assert [e.seq for chunk in small for e in chunk] == list(range(1000))
    large = list(chunks([event(n, 100_000) for n in range(7)]))
    assert [len(chunk) for chunk in large] == [2, 2, 2, 1]
    assert [len(chunk) for chunk in chunks([event(1, 10_000_000)])] == [1]


async def test_the_frame_in_the_stream_is_the_event_that_history_shows(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    await ada.say(room)
    await ada.call("PATCH", f"/v1/conversations/{room}", {"name": "Other"})

    async def there() -> bool:
        return len(await api.stream(room)) == 3

    await wait_until(there)
    for routed in await api.stream(room):
        shown = (await bob.get(f"/v1/conversations/{room}/events", after_seq=routed.seq - 1))[
            "events"
        ][0]
        frame = msgspec.json.decode(routed.frame, type=Event)
        assert msgspec.json.encode(frame) == routed.frame
        assert {**shown, "type": "event"} == msgspec.json.decode(routed.frame)
