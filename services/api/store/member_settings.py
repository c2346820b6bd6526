"""How members have set conversations up for themselves: mute, notifications, places, drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec

from services.api.store.conversations import not_found
from services.api.store.database import Database, Transaction
from services.api.store.inboxes import Inboxes
from services.api.store.log import NewEvent, Written, lock, write
from services.api.store.views import SETTINGS_COLUMNS, Settings, settings_of
from shared.codes import ErrorCode
from shared.events import EventKind
from shared.ids import is_id
from shared.problems import Problem

_PLAIN: Final = ("muted_until", "notify", "pinned", "archived", "marked_unread")


class MemberSettings:
    """Table ``member_settings``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inboxes = Inboxes(database)

    async def change(
        self, conversation: str, user: str, changes: Mapping[str, Any], expected: int | None
    ) -> tuple[Settings, Written | None]:
        """Change what is named; Written unless all was so already.

        ``expected`` is the version that the user has seen; None: any. 0 is that of settings that
        nobody has touched.
        """
        if not is_id(conversation):
            raise not_found()
        inbox = (await self._inboxes.of([user]))[user]
        async with self._database.transaction() as transaction:
            # The inbox's lock also keeps two devices of this user apart.
            locked = await lock(transaction, [inbox])
            present, number = await _present(transaction, conversation, user)
            wanted = {**asdict(present), **changes}
            del wanted["version"]
            if Settings(present.version, **wanted) == present:
                return present, None
            if expected is not None and expected != present.version:
                raise Problem(
                    ErrorCode.STALE, f"The settings are at version {present.version} meanwhile."
                )
            changed = Settings(present.version + 1, **wanted)
            await _keep(transaction, conversation, user, changed, number)
            body = asdict(changed) | {
                "conversation": conversation, "draft": changed.draft is not None,
            }  # fmt: skip
            event = NewEvent(inbox, EventKind.CONVERSATION_SETTINGS, user, body)
            return changed, await write(transaction, locked, [event])


async def _present(transaction: Transaction, conversation: str, user: str) -> tuple[Settings, int]:
    """(The settings, how many messages there are); Problem for who is not a member."""
    row = await transaction.fetch_one(
        f"""
        SELECT c.number, {SETTINGS_COLUMNS}
        FROM members m JOIN conversations c ON c.id = m.conversation_id
        LEFT JOIN member_settings s ON s.user_id = m.user_id AND s.conversation_id = c.id
        WHERE m.conversation_id = %s AND m.user_id = %s AND m.left_seq IS NULL
        FOR UPDATE OF m
        """,  # noqa: S608 - constants
        (conversation, user),
    )
    if row is None:
        raise not_found()
    return settings_of(row[1:]), row[0]


async def _keep(
    transaction: Transaction, conversation: str, user: str, settings: Settings, number: int
) -> None:
    """``number``: a hidden conversation comes back with the next message after so many."""
    values = {name: getattr(settings, name) for name in _PLAIN}
    draft = None if settings.draft is None else msgspec.json.encode(settings.draft).decode()
    values |= {"hidden_number": number if settings.hidden else None, "draft": draft}
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    await transaction.execute(
        f"""
        INSERT INTO member_settings AS s (user_id, conversation_id, version, {names})
        VALUES (%(user)s, %(conversation)s, %(version)s, {places})
        ON CONFLICT (user_id, conversation_id) DO UPDATE
        SET version = excluded.version, {changes};
        UPDATE members SET updated_xid = pg_current_xact_id()
        WHERE conversation_id = %(conversation)s AND user_id = %(user)s
        """,  # noqa: S608 - names of ours
        values | {"user": user, "conversation": conversation, "version": settings.version},
    )
