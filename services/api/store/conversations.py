"""Conversations: as their members see them, and how they come to be and change their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import Locked, NewEvent, Written, lock, write
from services.api.store.reach import lock_pair, must_not_have_blocked, must_take
from services.api.store.views import VIEW_COLUMNS, VIEW_TABLES, View, view_of
from shared.codes import ErrorCode
from shared.events import ConversationKind, EventKind, Role
from shared.ids import is_id, new_id
from shared.problems import Problem

LOWEST_ID: Final = "00000000-0000-0000-0000-000000000000"  # where every list begins


def not_found() -> Problem:
    """For what does not exist and for what may not be seen: the two look the same."""
    return Problem(ErrorCode.NOT_FOUND, "There is no such conversation, or you are not in it.")


async def role_in(transaction: Transaction, conversation: str, user: str) -> Role | None:
    """The role of a member; None for anybody else."""
    row = await transaction.fetch_one(
        "SELECT role FROM members WHERE conversation_id = %s AND user_id = %s AND left_seq IS NULL",
        (conversation, user),
    )
    return Role(row[0]) if row is not None else None


async def lock_as_member(
    transaction: Transaction, conversation: str, user: str, also: Sequence[str] = ()
) -> tuple[dict[str, Locked], Role]:
    """Lock a conversation, and others with it, for one of its members; Problem for all others."""
    if not is_id(conversation):
        raise not_found()
    locked = await lock(transaction, [conversation, *also])
    role = await role_in(transaction, conversation, user) if conversation in locked else None
    if role is None:
        raise not_found()
    if locked[conversation].frozen:
        raise Problem(
            ErrorCode.FORBIDDEN, "Who runs the server has closed this conversation for writing."
        )
    return locked, role


class Conversations:
    """Table ``conversations``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def of_member(self, conversation: str, user: str) -> View:
        """One conversation as this member sees it."""
        row = None
        if is_id(conversation):
            row = await self._database.fetch_one(
                f"SELECT {VIEW_COLUMNS} FROM {VIEW_TABLES}"  # noqa: S608 - constants
                " WHERE m.conversation_id = %s AND m.user_id = %s AND m.left_seq IS NULL",
                (conversation, user),
            )
        if row is None:
            raise not_found()
        return view_of(row)

    async def page(self, user: str, after: str, limit: int) -> list[View]:
        """The user's conversations in the order of ids, above ``after``."""
        rows = await self._database.fetch_all(
            f"SELECT {VIEW_COLUMNS} FROM {VIEW_TABLES}"  # noqa: S608 - constants
            " WHERE m.user_id = %s AND m.conversation_id > %s AND m.left_seq IS NULL"
            " ORDER BY m.conversation_id LIMIT %s",
            (user, after or LOWEST_ID, limit),
        )
        return [view_of(row) for row in rows]

    async def open_direct(self, user: str, peer: str) -> tuple[str, Written | None]:
        """The conversation of two users; Written if it is new. Both may ask at once."""
        if user == peer:
            raise Problem(
                ErrorCode.INVALID, "A conversation needs somebody else than you.", field="user"
            )
        low, high = sorted((user, peer))
        found = await self._database.fetch_one(
            "SELECT id::text FROM conversations WHERE low_id = %s AND high_id = %s", (low, high)
        )
        if found is not None:
            return str(found[0]), None
        inboxes = await self._inboxes.of([peer])
        async with self._database.transaction() as transaction:
            await lock_pair(transaction, user, peer)
            await must_not_have_blocked(transaction, user, peer)
            await must_take(transaction, user, [peer], "messages", "user")
            made = await transaction.fetch_one(
                """
                INSERT INTO conversations (id, kind, low_id, high_id, member_count)
                VALUES (%s, 'direct', %s, %s, 2)
                ON CONFLICT ON CONSTRAINT conversations_pair DO NOTHING RETURNING id::text
                """,
                (new_id(), low, high),
            )
            if made is None:  # the peer was faster; a new statement sees theirs
                found = await transaction.fetch_one(
                    "SELECT id::text FROM conversations WHERE low_id = %s AND high_id = %s",
                    (low, high),
                )
                assert found is not None
                return str(found[0]), None
            new = Locked(made[0], ConversationKind.DIRECT, "", 0, 0, 2, (low, high))
            roles = {low: Role.MEMBER, high: Role.MEMBER}
            written = await self._begin(transaction, new, user, roles, inboxes)
        return new.id, written

    async def create_group(
        self, creator: str, name: str, members: Sequence[str], key: str
    ) -> tuple[str, Written | None]:
        """A group of the creator and others; Written unless the key was used before."""
        others = [user for user in dict.fromkeys(members) if user != creator]
        await must_take(self._database, creator, others, "groups", "members")
        inboxes = await self._inboxes.of(others)
        async with self._database.transaction() as transaction:
            new = Locked(new_id(), ConversationKind.GROUP, name, 0, 0, len(others) + 1)
            if key and (made := await _first_with(transaction, creator, key, new.id)) is not None:
                return made, None
            await transaction.execute(
                "INSERT INTO conversations (id, kind, name, member_count)"
                " VALUES (%s, 'group', %s, %s)",
                (new.id, name, new.member_count),
            )
            roles = {creator: Role.OWNER} | dict.fromkeys(others, Role.MEMBER)
            written = await self._begin(transaction, new, creator, roles, inboxes)
        return new.id, written

    async def _begin(
        self,
        transaction: Transaction,
        new: Locked,
        creator: str,
        roles: dict[str, Role],
        inboxes: dict[str, str],
    ) -> Written:
        """Its members, its first event, and word to those who were not asked."""
        await transaction.execute(
            "INSERT INTO members (conversation_id, user_id, role, first_seq, receipts_private)"
            " SELECT %s, i.user_id, i.role, 1, u.receipts_private"
            " FROM unnest(%s::uuid[], %s::text[]) AS i (user_id, role)"
            " JOIN users u ON u.id = i.user_id",
            (new.id, list(roles), [role.value for role in roles.values()]),
        )
        locked = await lock(transaction, inboxes.values())
        locked[new.id] = new
        body = {"kind": str(new.kind), "name": new.name, "members": list(roles)}
        events = [NewEvent(new.id, EventKind.CONVERSATION_CREATED, creator, body)]
        events += notices(EventKind.CONVERSATION_ADDED, new.id, creator, inboxes.values())
        return await write(transaction, locked, events)


def notices(
    kind: EventKind, conversation: str, actor: str, inboxes: Iterable[str]
) -> list[NewEvent]:
    """Events for inboxes about a conversation."""
    body = {"conversation": conversation, "by": actor}
    return [NewEvent(inbox, kind, actor, body) for inbox in inboxes]


async def _first_with(
    transaction: Transaction, creator: str, key: str, conversation: str
) -> str | None:
    """Claim an idempotency key for a conversation; the one that has it already, or None."""
    claimed = await transaction.execute(
        "INSERT INTO creations (creator_id, key, conversation_id) VALUES (%s, %s, %s)"
        " ON CONFLICT (creator_id, key) DO NOTHING",
        (creator, key, conversation),
    )
    if claimed:
        return None
    row = await transaction.fetch_one(
        "SELECT conversation_id::text FROM creations WHERE creator_id = %s AND key = %s",
        (creator, key),
    )
    assert row is not None
    return str(row[0])
