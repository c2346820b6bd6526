"""Whom one may reach. Those who do not take something from one all answer alike: they have blocked
one, or take it from contacts only. Which of the two is theirs to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from services.api.store.database import Database, Transaction
from shared.codes import ErrorCode
from shared.problems import Problem

What = Literal["messages", "groups"]

_COLUMN: Final = {"messages": "take_messages", "groups": "take_groups"}
_WHAT: Final = {"messages": "messages from you", "groups": "being added to groups by you"}


async def lock_pair(transaction: Transaction, one: str, other: str) -> None:
    """What is between two people changes by one transaction at a time. Before any other lock."""
    low, high = sorted((one, other))
    await transaction.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{low}{high}",)
    )


async def blocked(transaction: Transaction, user: str, other: str) -> bool:
    """Whether ``user`` has blocked ``other``."""
    return await transaction.fetch_one(
        "SELECT 1 FROM blocks WHERE user_id = %s AND blocked_id = %s", (user, other)
    ) is not None  # fmt: skip


async def must_take(
    connection: Database | Transaction, user: str, others: Sequence[str], what: What, field: str
) -> None:
    """Raises Problem unless all of them take that from ``user``."""
    rows = await connection.fetch_all(
        f"""
        SELECT u.id::text FROM users u
        WHERE u.id = ANY(%(others)s::uuid[]) AND u.id <> %(user)s AND (
            EXISTS (SELECT FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = %(user)s)
            OR (u.{_COLUMN[what]} = 'contacts' AND NOT EXISTS (
                SELECT FROM contacts c WHERE c.user_id = u.id AND c.contact_id = %(user)s)))
        ORDER BY u.id
        """,  # noqa: S608 - constant columns
        {"user": user, "others": list(others)},
    )
    if rows:
        raise refusal(what, [row[0] for row in rows], field)


def refusal(what: What, users: Sequence[str] = (), field: str = "") -> Problem:
    """The one answer for all reasons."""
    who = f"{', '.join(users[:3])}: do" if len(users) > 1 else "This person does"
    return Problem(ErrorCode.FORBIDDEN, f"{who} not take {_WHAT[what]}.", field=field)


async def must_not_have_blocked(transaction: Transaction, user: str, other: str) -> None:
    """Raises Problem when it is oneself who wants nothing of the other."""
    if await blocked(transaction, user, other):
        raise Problem(
            ErrorCode.CONFLICT, "You have blocked them: unblock them first.", field="user"
        )
