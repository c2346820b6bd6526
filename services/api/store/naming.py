"""Names as they are looked for, and handles as they are told apart."""

from __future__ import annotations

from services.api.domain.confusables import skeleton
from services.api.domain.names import search_name, search_tokens
from services.api.store.database import Database, Transaction
from services.api.store.errors import AlreadyThere


def found_by(handle: str, display_name: str) -> tuple[str, str, list[str]]:
    """Columns ``skeleton``, ``search_name`` and ``search_tokens`` of a user."""
    name = search_name(handle, display_name)
    return skeleton(handle), name, search_tokens(name)


async def make_findable(
    transaction: Transaction, user: str, handle: str, display_name: str
) -> None:
    """Write how somebody with this name is found."""
    _, name, tokens = found_by(handle, display_name)
    await transaction.execute(
        "UPDATE users SET search_name = %s, search_tokens = %s WHERE id = %s", (name, tokens, user)
    )


class Naming:
    """People whose rows an earlier version has written. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def complete(self, limit: int) -> int:
        """Make up to ``limit`` of them findable; returns how many there were."""
        rows = await self._database.fetch_all(
            "SELECT id::text, handle, display_name FROM users WHERE search_name IS NULL"
            " ORDER BY id LIMIT %s",
            (limit,),
        )
        for user, handle, display_name in rows:
            async with self._database.transaction() as transaction:
                await make_findable(transaction, user, handle, display_name)
            try:
                # Of two old handles that look alike, one stays without: nobody loses theirs.
                await self._database.execute(
                    "UPDATE users SET skeleton = %s WHERE id = %s AND skeleton IS NULL",
                    (skeleton(handle), user),
                )
            except AlreadyThere:
                continue
        return len(rows)
