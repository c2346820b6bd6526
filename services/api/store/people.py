"""Finding people whom one does not know yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.api.domain.names import asked_tokens
from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database
from services.api.store.users import FACE, FACE_COUNT, User
from shared.handles import normal_form

# Whoever has blocked the other, the two do not find each other.
_STRANGERS: Final = """
    u.disabled_at IS NULL AND u.id <> %(user)s
    AND NOT EXISTS (SELECT FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = %(user)s)
    AND NOT EXISTS (SELECT FROM blocks b WHERE b.user_id = %(user)s AND b.blocked_id = u.id)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of findings ends: a folded name and an id."""

    name: str = ""
    user: str = LOWEST_ID


class People:
    """Questions about ``users``. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def exactly(self, user: str, question: str) -> list[User]:
        """Who has exactly this handle, phone number or e-mail address, and is found by it."""
        phone = question.replace(" ", "").replace("-", "")
        rows = await self._database.fetch_all(
            f"""
            (SELECT {FACE} FROM users u
             WHERE u.handle = %(handle)s AND {_STRANGERS})
            UNION
            (SELECT {FACE} FROM users u
             WHERE u.phone = %(phone)s AND u.phone <> '' AND u.find_by_phone AND {_STRANGERS}
             ORDER BY u.id LIMIT 20)
            UNION
            (SELECT {FACE} FROM emails e JOIN users u ON u.id = e.user_id
             WHERE e.key = %(email)s AND u.find_by_email AND {_STRANGERS})
            """,  # noqa: S608 - constants
            {
                "user": user,
                "handle": normal_form(question),
                "phone": phone,
                "email": question.strip().casefold(),
            },
        )
        return [User(*row) for row in rows]

    async def named(
        self, user: str, question: str, after: Place, limit: int
    ) -> list[tuple[User, Place]]:
        """Whose names contain all words of the question, at least their beginnings, in the order
        of names; nobody when it is too short to tell people apart."""
        tokens, pieces = asked_tokens(question)
        if not any(len(token) > 1 or not token.isascii() for token in tokens):
            return []
        rows = await self._database.fetch_all(
            f"""
            SELECT {FACE}, u.search_name FROM users u
            WHERE u.search_tokens @> %(tokens)s AND u.find_by_name AND {_STRANGERS}
                AND NOT EXISTS (
                    SELECT FROM unnest(%(pieces)s::text[]) AS i (piece)
                    WHERE strpos(u.search_name, i.piece) = 0)
                AND (u.search_name COLLATE "C", u.id) > (%(name)s COLLATE "C", %(id)s::uuid)
            ORDER BY u.search_name COLLATE "C", u.id LIMIT %(limit)s
            """,  # noqa: S608 - constants
            {
                "user": user, "tokens": tokens, "pieces": pieces,
                "name": after.name, "id": after.user, "limit": limit,
            },
        )  # fmt: skip
        return [(User(*row[:FACE_COUNT]), Place(row[FACE_COUNT], row[0])) for row in rows]
