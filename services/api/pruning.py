"""Forgets sessions and refresh tokens that expired, a little at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from services.api.store.errors import StoreError
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
