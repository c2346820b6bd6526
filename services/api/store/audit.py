"""Security events, for good."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.store.database import Database
from shared.ids import is_id
from shared.internal import AuditEvent


class AuditStore:
    """Table ``audit``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, events: Sequence[AuditEvent]) -> None:
        """Keep events; those that are known by their id already stay as they are."""
        await self._database.execute(
            """
            INSERT INTO audit (id, at, what, user_id, client_id, session_id, address, request_id,
                               detail)
            SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::uuid[], %s::text[],
                                 %s::uuid[], %s::text[], %s::text[], %s::text[])
            ON CONFLICT (id) DO NOTHING
            """,
            (
                [event.id for event in events],
                [event.at for event in events],
                [event.what for event in events],
                [_id(event.user) for event in events],
                [event.client_id for event in events],
                [_id(event.session) for event in events],
                [event.address for event in events],
                [event.request_id for event in events],
                [event.detail for event in events],
            ),
        )


def _id(text: str) -> str | None:
    return text if is_id(text) else None
