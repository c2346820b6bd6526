"""The batcher on its own: who shares a transaction, and whom a fault reaches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

from services.api.batcher import BATCH_MAX, QUEUE_MAX, WORKERS, Batcher
from services.api.domain.message import Draft, draft
from services.api.metrics import ApiMetrics
from services.api.publisher import Publisher
from services.api.store.errors import DatabaseUnavailable
from services.api.store.sends import Batch, Sends
from shared.entries import RoutedEvent
from shared.ids import new_id
from shared.internal import Appended, NotAppended
from shared.metrics import Metrics
from tests.support.servers import wait_until

CONVERSATION, SENDER = new_id(), new_id()


class Store:
    """Stores messages in memory, when it is let."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Callable[[Sequence[Draft]], None] = lambda _: None

    async def append(self, drafts: Sequence[Draft]) -> Batch:
        self.batches.append(len(drafts))
        await self.open.wait()
        self.fault(drafts)
        now = datetime.now(UTC)
        return Batch([Appended(one.conversation, 1, 1, now) for one in drafts])


class Nowhere:
    """Publishes nothing."""

    def offer(self, events: Sequence[RoutedEvent], outbox_ids: Sequence[int]) -> None:
        """Forget them."""


@asynccontextmanager
async def batching(store: Store) -> AsyncIterator[Batcher]:
    batcher = Batcher(cast(Sends, store), cast(Publisher, Nowhere()), ApiMetrics(Metrics()))
    workers = [asyncio.create_task(batcher.work()) for _ in range(WORKERS)]
    yield batcher
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


def messages(count: int, text: str = "hi") -> list[Draft]:
    return [draft(CONVERSATION, SENDER, new_id(), {"text": text}) for _ in range(count)]


async def until_taken(store: Store, batches: int) -> None:
    await wait_until(lambda: len(store.batches) >= batches, poll_s=0)


async def test_what_waits_shares_the_next_transaction() -> None:
    store = Store()
    store.open.clear()
    async with batching(store) as batcher:
        busy = []
        for number in range(WORKERS):
            busy.append(asyncio.create_task(batcher.submit(messages(1))))
            await until_taken(store, number + 1)
        waiting = [asyncio.create_task(batcher.submit(messages(3))) for _ in range(20)]
        await asyncio.sleep(0)
        store.open.set()
        results = await asyncio.gather(*busy, *waiting)
    assert [len(one) for one in results] == [1] * WORKERS + [3] * 20
    assert store.batches == [1] * WORKERS + [60]


async def test_a_transaction_is_bounded_and_a_group_stays_together() -> None:
    store = Store()
    store.open.clear()
    async with batching(store) as batcher:
        busy = []
        for number in range(WORKERS):
            busy.append(asyncio.create_task(batcher.submit(messages(1))))
            await until_taken(store, number + 1)
        waiting = [asyncio.create_task(batcher.submit(messages(60))) for _ in range(9)]
        await asyncio.sleep(0)
        store.open.set()
        await asyncio.gather(*busy, *waiting)
    assert store.batches[WORKERS:] == [240, 240, 60]
    assert max(store.batches) <= BATCH_MAX


async def test_when_postgres_is_away_everybody_may_try_again() -> None:
    store = Store()

    def away(_: Sequence[Draft]) -> None:
        raise DatabaseUnavailable("away")

    store.fault = away
    async with batching(store) as batcher:
        results = await batcher.submit(messages(2))
        assert [(r.code, r.retry_after_ms > 0) for r in results if isinstance(r, NotAppended)] == [
            ("unavailable", True)
        ] * 2
        store.fault = lambda _: None
        assert isinstance((await batcher.submit(messages(1)))[0], Appended)


async def test_a_message_that_brings_out_a_fault_of_ours_harms_only_itself() -> None:
    store = Store()

    def poisoned(drafts: Sequence[Draft]) -> None:
        if any(b"poison" in one.body for one in drafts):
            raise RuntimeError("a bug")

    store.fault = poisoned
    async with batching(store) as batcher:
        results = await batcher.submit([*messages(2), *messages(1, "poison"), *messages(2)])
    assert [getattr(result, "code", "stored") for result in results] == [
        "stored", "stored", "internal", "stored", "stored",
    ]  # fmt: skip


async def test_too_many_waiting_messages_are_refused_at_once() -> None:
    store = Store()
    store.open.clear()
    async with batching(store) as batcher:
        waiting = [
            asyncio.create_task(batcher.submit(messages(64)))
            for _ in range(QUEUE_MAX // 64 + WORKERS * (BATCH_MAX // 64))
        ]
        await until_taken(store, WORKERS)
        results = await batcher.submit(messages(QUEUE_MAX))
        assert {result.code for result in results if isinstance(result, NotAppended)} == {
            "unavailable"
        }
        store.open.set()
        await asyncio.gather(*waiting)


async def test_a_caller_who_gives_up_does_not_stop_the_others() -> None:
    store = Store()
    store.open.clear()
    async with batching(store) as batcher:
        leaving = asyncio.create_task(batcher.submit(messages(1)))
        await until_taken(store, 1)
        leaving.cancel()
        store.open.set()
        assert isinstance((await batcher.submit(messages(1)))[0], Appended)
    assert leaving.cancelled()
