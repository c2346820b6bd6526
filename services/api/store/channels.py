"""Public groups, for those who look for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.api.domain.folding import folded
from services.api.store.conversations import LOWEST_ID, not_found
from services.api.store.database import Database
from shared.ids import is_id


@dataclass(frozen=True, slots=True)
class Channel:
    """A public group as anybody sees it. ``state``: member, requested, or none."""

    id: str
    name: str
    topic: str
    description: str
    avatar: str | None
    member_count: int
    joining: str
    announcement: bool
    state: str


# The banned do not see it.
_QUESTION: Final = """
    SELECT c.id::text, c.name, d.topic, d.description, d.avatar::text, c.member_count, d.joining,
        c.posting = 'admins',
        CASE WHEN m.user_id IS NOT NULL THEN 'member'
            WHEN r.user_id IS NOT NULL THEN 'requested' ELSE 'none' END
    FROM conversation_details d
    JOIN conversations c ON c.id = d.conversation_id
    LEFT JOIN members m ON m.conversation_id = c.id AND m.user_id = %(user)s AND m.left_seq IS NULL
    LEFT JOIN join_requests r ON r.conversation_id = c.id AND r.user_id = %(user)s
    WHERE d.visibility = 'public' AND d.joining <> 'invited' AND NOT EXISTS (
        SELECT FROM bans b WHERE b.conversation_id = c.id AND b.user_id = %(user)s
    )
"""


class Channels:
    """Public conversations. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user: str, words: str, after: str, limit: int) -> list[Channel]:
        """Those whose name contains all the words, in the order of ids, above ``after``."""
        wanted = [f"%{_like(word)}%" for word in folded(words).split()]
        rows = await self._database.fetch_all(
            f"{_QUESTION} AND d.conversation_id > %(after)s"
            " AND d.search_name LIKE ALL (%(words)s::text[])"
            " ORDER BY d.conversation_id LIMIT %(limit)s",
            {"user": user, "after": after or LOWEST_ID, "words": wanted, "limit": limit},
        )
        return [Channel(*row) for row in rows]

    async def one(self, user: str, channel: str) -> Channel:
        """One of them."""
        row = None
        if is_id(channel):
            row = await self._database.fetch_one(
                f"{_QUESTION} AND d.conversation_id = %(channel)s",
                {"user": user, "channel": channel},
            )
        if row is None:
            raise not_found()
        found: Channel = Channel(*row)
        return found


def _like(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
