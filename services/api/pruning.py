"""Housekeeping: forgets what is too old to be of use, and completes what is missing, a little at a
time."""

from __future__ import annotations

import asyncio
from typing import Final

from services.api.store.errors import StoreError
from services.api.store.naming import Naming
from services.api.store.read_receipts import ReadReceipts
from services.api.store.sessions import SessionStore
from shared.logs import get_logger

INTERVAL_S: Final = 600.0
BATCH: Final = 1000  # rows per statement, so that none holds its locks for long


async def prune_sessions(sessions: SessionStore, interval_s: float = INTERVAL_S) -> None:
    """Prune every ``interval_s``, for good. Every replica may: they skip each other's rows."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            forgotten = BATCH
            while forgotten >= BATCH:
                forgotten = await sessions.prune(BATCH)
        except StoreError as error:
            get_logger().warning("sessions_not_pruned", error=str(error))


async def prune_mark_times(receipts: ReadReceipts, interval_s: float = INTERVAL_S) -> None:
    """The same for the times of receipts."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            while await receipts.prune():
                pass
        except StoreError as error:
            get_logger().warning("mark_times_not_pruned", error=str(error))


async def complete_names(naming: Naming, interval_s: float = INTERVAL_S) -> None:
    """Make people findable whose rows an earlier version wrote: now, and while one still runs."""
    while True:
        try:
            while await naming.complete(BATCH):
                pass
        except StoreError as error:
            get_logger().warning("names_not_completed", error=str(error))
        await asyncio.sleep(interval_s)
