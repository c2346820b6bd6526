"""Security events, for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from services.api.store.database import Database, Transaction
from shared.ids import is_id, new_id
from shared.internal import AuditEvent

ROLE_CHANGED: Final = "conversation_role_changed"


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


async def note_role(
    transaction: Transaction, conversation: str, user: str, role: str, *, by: str
) -> None:
    """A member's role has changed, in the transaction that changes it: who may do what in a group
    is a matter of security too."""
    request_id = structlog.contextvars.get_contextvars().get("trace_id", "")
    await transaction.execute(
        """
        INSERT INTO audit (id, at, what, user_id, request_id, detail)
        VALUES (%s, clock_timestamp(), %s, %s, %s, %s)
        """,
        (new_id(), ROLE_CHANGED, user, request_id, f"{role} of {conversation} by {by}"),
    )


def _id(text: str) -> str | None:
    return text if is_id(text) else None
