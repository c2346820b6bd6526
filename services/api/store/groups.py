"""What a group is beside its members: topic, description, picture, who may enter and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from services.api.domain.folding import folded
from services.api.domain.roles import Deed, may, need_group
from services.api.store.conversations import lock_as_member
from services.api.store.database import Database, Transaction
from services.api.store.files import keep_picture, release
from services.api.store.log import Locked, NewEvent, Written, write
from services.api.store.views import Details
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.problems import Problem

_OPENING: Final = frozenset({"visibility", "joining", "announcement"})


class Groups:
    """Table ``conversation_details``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(
        self, conversation: str, actor: str, changes: Mapping[str, Any], expected: int | None
    ) -> Written | None:
        """Change what is named (name, and the fields of Details); None if all was so already.

        ``expected`` is the version that the user has seen; None: any.
        """
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, actor)
            group = locked[conversation]
            need_group(group.kind)
            may(role, Deed.CHANGE)
            present = await _details(transaction, conversation)
            before = asdict(present) | {"name": group.name}
            new = {field: value for field, value in changes.items() if before[field] != value}
            if not new:
                return None
            if _OPENING & new.keys():
                may(role, Deed.OPEN)
            if expected is not None and expected != present.version:
                raise Problem(
                    ErrorCode.STALE, f"The group is at version {present.version} meanwhile."
                )
            version = present.version + 1
            after = before | new | {"version": version}
            if after["visibility"] == "private" and after["joining"] == "open":
                raise Problem(
                    ErrorCode.INVALID, "Only a public group can be open to all.", field="joining"
                )
            if new.get("avatar") is not None:
                await keep_picture(transaction, actor, new["avatar"])
            await _keep(transaction, group, after)
            if "avatar" in new and present.avatar is not None:
                await release(transaction, [present.avatar])
            events = []
            if "name" in new:
                name = {"name": new.pop("name")}
                events.append(NewEvent(conversation, EventKind.CONVERSATION_RENAMED, actor, name))
            if new:
                body = {"version": version, **new}
                events.append(NewEvent(conversation, EventKind.CONVERSATION_CHANGED, actor, body))
            return await write(transaction, locked, events)

    async def dissolve(self, conversation: str, actor: str) -> Written:
        """Everybody leaves, and nobody comes back: the log is closed."""
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, actor)
            group = locked[conversation]
            need_group(group.kind)
            may(role, Deed.DISSOLVE)
            return await close(transaction, locked, group, actor)


async def close(
    transaction: Transaction, locked: Mapping[str, Locked], group: Locked, actor: str
) -> Written:
    """Dissolve a locked group. Rights are the caller's to look at."""
    await transaction.execute(
        """
        UPDATE members SET left_seq = %(last)s, updated_xid = pg_current_xact_id()
        WHERE conversation_id = %(group)s AND left_seq IS NULL;
        UPDATE conversations SET member_count = 0, posting = 'none' WHERE id = %(group)s;
        UPDATE conversation_details SET visibility = 'private', joining = 'invited'
        WHERE conversation_id = %(group)s;
        UPDATE invites SET revoked_at = clock_timestamp()
        WHERE conversation_id = %(group)s AND revoked_at IS NULL;
        DELETE FROM join_requests WHERE conversation_id = %(group)s
        """,
        {"group": group.id, "last": group.head_seq + 1},
    )
    event = NewEvent(group.id, EventKind.CONVERSATION_DISSOLVED, actor, {})
    return await write(transaction, locked, [event])


async def _details(transaction: Transaction, conversation: str) -> Details:
    row = await transaction.fetch_one(
        """
        SELECT coalesce(d.version, 1), coalesce(d.topic, ''), coalesce(d.description, ''),
            d.avatar::text, coalesce(d.visibility, 'private'), coalesce(d.joining, 'invited'),
            c.posting = 'admins'
        FROM conversations c LEFT JOIN conversation_details d ON d.conversation_id = c.id
        WHERE c.id = %s
        """,
        (conversation,),
    )
    assert row is not None
    details: Details = Details(*row)
    return details


async def _keep(transaction: Transaction, group: Locked, after: Mapping[str, Any]) -> None:
    await transaction.execute(
        """
        INSERT INTO conversation_details AS d (conversation_id, version, topic, description,
            avatar, visibility, joining, search_name)
        VALUES (%(id)s, %(version)s, %(topic)s, %(description)s, %(avatar)s, %(visibility)s,
            %(joining)s, %(search_name)s)
        ON CONFLICT (conversation_id) DO UPDATE
        SET version = excluded.version, topic = excluded.topic,
            description = excluded.description, avatar = excluded.avatar,
            visibility = excluded.visibility, joining = excluded.joining,
            search_name = excluded.search_name;
        UPDATE conversations SET name = %(name)s, posting = %(posting)s WHERE id = %(id)s
        """,
        {
            **after, "id": group.id, "search_name": folded(after["name"]),
            "posting": "admins" if after["announcement"] else "all",
        },
    )  # fmt: skip
