"""Coming into groups and going out of them, inside a transaction that has locked the group."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.store.conversations import role_in
from services.api.store.database import Database, Transaction
from services.api.store.log import Locked
from shared.codes import ErrorCode
from shared.events import Role
from shared.ids import is_id
from shared.limits import GROUP_MAX_MEMBERS
from shared.problems import Problem


async def target_role(transaction: Transaction, conversation: str, user: str) -> Role:
    """The role of the member to whom something is to be done. Raises Problem."""
    role = await role_in(transaction, conversation, user) if is_id(user) else None
    if role is None:
        raise Problem(ErrorCode.NOT_FOUND, "This user is not a member.", field="user")
    return role


async def not_in(transaction: Transaction, conversation: str, users: Sequence[str]) -> list[str]:
    """Which of these users are not members."""
    rows = await transaction.fetch_all(
        "SELECT user_id::text FROM members"
        " WHERE conversation_id = %s AND user_id = ANY(%s::uuid[]) AND left_seq IS NULL",
        (conversation, list(users)),
    )
    present = {row[0] for row in rows}
    return [user for user in dict.fromkeys(users) if user not in present]


async def banned_among(
    asker: Database | Transaction, conversation: str, users: Sequence[str]
) -> list[str]:
    """Which of these users are banned."""
    rows = await asker.fetch_all(
        "SELECT user_id::text FROM bans WHERE conversation_id = %s AND user_id = ANY(%s::uuid[])",
        (conversation, list(users)),
    )
    return [row[0] for row in rows]


async def moderators(asker: Database | Transaction, conversation: str) -> list[str]:
    """Owner and admins; at most ADMINS_MAX and one."""
    rows = await asker.fetch_all(
        "SELECT user_id::text FROM members"
        " WHERE conversation_id = %s AND role <> 'member' AND left_seq IS NULL",
        (conversation,),
    )
    return [row[0] for row in rows]


async def enter(transaction: Transaction, group: Locked, users: Sequence[str]) -> None:
    """From the next event on; what was said before counts neither as visible nor as unread.

    Raises Problem when the group would be too large.
    """
    if group.member_count + len(users) > GROUP_MAX_MEMBERS:
        raise Problem(ErrorCode.CONFLICT, f"A group has at most {GROUP_MAX_MEMBERS} members.")
    await transaction.execute(
        """
        INSERT INTO members AS m (conversation_id, user_id, role, first_seq,
            delivered_seq, read_seq, read_number, receipts_private)
        SELECT %s, i.user_id, 'member', %s, %s, %s, %s, u.receipts_private
        FROM unnest(%s::uuid[]) AS i (user_id) JOIN users u ON u.id = i.user_id
        ORDER BY i.user_id
        ON CONFLICT (conversation_id, user_id) DO UPDATE
        SET role = excluded.role, first_seq = excluded.first_seq, left_seq = NULL,
            delivered_seq = excluded.delivered_seq, read_seq = excluded.read_seq,
            read_number = excluded.read_number, receipts_private = excluded.receipts_private,
            updated_xid = pg_current_xact_id()
        """,
        (
            group.id, group.head_seq + 1, group.head_seq, group.head_seq, group.number,
            list(users),
        ),
    )  # fmt: skip
    # Whoever comes in by one way does not go on asking by another.
    await transaction.execute(
        "DELETE FROM join_requests WHERE conversation_id = %s AND user_id = ANY(%s::uuid[])",
        (group.id, list(users)),
    )
    await count(transaction, group, len(users))


async def leave(transaction: Transaction, group: Locked, user: str) -> None:
    """With the next event, which is the last one for this user. What they had set up goes; that
    they were silenced stays, or coming back would undo it."""
    await transaction.execute(
        "UPDATE members SET left_seq = %s, updated_xid = pg_current_xact_id()"
        " WHERE conversation_id = %s AND user_id = %s",
        (group.head_seq + 1, group.id, user),
    )
    for table in ("member_settings", "thread_members"):
        await transaction.execute(
            f"DELETE FROM {table} WHERE user_id = %s AND conversation_id = %s",  # noqa: S608
            (user, group.id),
        )
    await count(transaction, group, -1)


async def count(transaction: Transaction, group: Locked, change: int) -> None:
    """Keep the number of members."""
    group.member_count += change
    await transaction.execute(
        "UPDATE conversations SET member_count = member_count + %s WHERE id = %s",
        (change, group.id),
    )
