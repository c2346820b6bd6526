"""Events that are committed and may not have reached Redis yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from services.api.store.database import Database
from services.api.store.events import in_ranges
from shared.entries import RoutedEvent

_RELAY_LOCK: Final = 0x7265_6C61_79  # "relay": one replica at a time, or their order would mix


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits."""

    rows: int  # counted up to 10,000
    age_s: float


class Outbox:
    """Table ``outbox``. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, ids: Sequence[int]) -> None:
        """Their events are in Redis. Without waiting for the disk: at worst they are sent again."""
        await self._database.execute(
            "SELECT set_config('synchronous_commit', 'off', true);"
            " DELETE FROM outbox WHERE id = ANY(%s::bigint[])",
            (list(ids),),
        )

    @asynccontextmanager
    async def overdue(self, age_s: float, rows_max: int) -> AsyncIterator[list[RoutedEvent]]:
        """The events of the oldest rows above an age, in the order in which they were written.

        The rows are deleted when the block ends well. Empty also while another replica does this.
        """
        async with self._database.transaction() as transaction:
            turn = await transaction.fetch_one(
                "SELECT pg_try_advisory_xact_lock(%s)", (_RELAY_LOCK,)
            )
            if turn is None or not turn[0]:
                yield []
                return
            rows = await transaction.fetch_all(
                """
                SELECT id, conversations::text[], first_seqs, last_seqs FROM outbox
                WHERE created_at < clock_timestamp() - make_interval(secs => %s)
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
                """,
                (age_s, rows_max),
            )
            if not rows:
                yield []
                return
            ranges = [one for row in rows for one in zip(*row[1:], strict=True)]
            yield await in_ranges(transaction, ranges)
            await transaction.execute(
                "DELETE FROM outbox WHERE id = ANY(%s::bigint[])", ([row[0] for row in rows],)
            )

    async def backlog(self) -> Backlog:
        """How many rows wait, and how long the oldest has waited."""
        row = await self._database.fetch_one(
            """
            SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 10000) AS counted),
                coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)::float
                    FROM outbox ORDER BY id LIMIT 1), 0)
            """
        )
        assert row is not None
        return Backlog(rows=row[0], age_s=max(0.0, row[1]))
