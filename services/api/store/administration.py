"""What operators look for, and the few things they change."""

from __future__ import annotations

from typing import Any, Final

from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database, Row, Transaction
from services.api.store.groups import close
from services.api.store.log import Written, lock
from services.api.store.migrate import FOLDER, TABLE
from shared.administration import AuditRow, By, ConversationRow, DatabaseState, Deed, UserRow
from shared.events import ConversationKind
from shared.ids import is_id, new_id
from shared.partitions import partition_of

CLIENT: Final = "admin"  # as audited
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"

# What api relies on, with what it takes from the server rather than sets itself.
_SETTINGS: Final = (
    "fsync", "synchronous_commit", "full_page_writes", "max_connections", "autovacuum",
    "server_encoding", "synchronous_standby_names", "data_checksums", "shared_buffers",
)  # fmt: skip

_USER: Final = """
    u.id::text, u.handle, u.display_name, u.disabled_at, u.created_at,
    (SELECT count(*) FROM sessions s
     WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()),
    (SELECT count(*) FROM members m WHERE m.user_id = u.id AND m.left_seq IS NULL)
"""
_CONVERSATION: Final = """
    c.id::text, c.kind, c.name, c.head_seq, c.number, c.member_count, c.created_at, c.frozen_at
"""


class Administration:
    """Questions and changes of operators. Every method raises StoreError."""

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions

    # --- people -----------------------------------------------------------------------------

    async def users(self, find: str, after: str, limit: int) -> list[UserRow]:
        """Whose id is ``find``, or whose handle begins with it; above the handle ``after``."""
        rows = await self._database.fetch_all(
            f"""
            SELECT {_USER} FROM users u
            WHERE (u.id = %s OR starts_with(u.handle, %s)) AND u.handle > %s
            ORDER BY u.handle LIMIT %s
            """,  # noqa: S608 - constant columns
            (find if is_id(find) else _NO_ID, find, after, limit),
        )
        return [UserRow(*row) for row in rows]

    async def user(self, user: str) -> UserRow | None:
        """One person."""
        if not is_id(user):
            return None
        row = await self._database.fetch_one(
            f"SELECT {_USER} FROM users u WHERE u.id = %s",  # noqa: S608 - constant columns
            (user,),
        )
        return UserRow(*row) if row is not None else None

    async def disable(self, user: str, by: By) -> bool:
        """Nobody can sign in as them any more; their sessions are for the caller to end. The same
        again changes nothing. False: no such person."""
        return await self._change_user(
            user, "UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE id = %s",
            "admin_user_disabled", by,
        )  # fmt: skip

    async def enable(self, user: str, by: By) -> bool:
        """They can sign in again. False: no such person."""
        return await self._change_user(
            user, "UPDATE users SET disabled_at = NULL WHERE id = %s", "admin_user_enabled", by
        )

    async def _change_user(self, user: str, sql: str, what: str, by: By) -> bool:
        if not is_id(user):
            return False
        async with self._database.transaction() as transaction:
            if not await transaction.execute(sql, (user,)):
                return False
            await note(transaction, what, by, user=user)
        return True

    # --- conversations ----------------------------------------------------------------------

    async def conversations(
        self, find: str, user: str, after: str, limit: int
    ) -> list[ConversationRow]:
        """Whose id is ``find``, or whose name contains it; of ``user``, if given; above the id
        ``after``."""
        conditions, params = ["c.id > %s"], [after if is_id(after) else _NO_ID]
        if is_id(find):
            conditions.append("c.id = %s")
            params.append(find)
        elif find:
            conditions.append("c.name ILIKE %s")
            params.append(f"%{_like(find)}%")
        if user:
            conditions.append(
                "EXISTS (SELECT FROM members m WHERE m.conversation_id = c.id"
                " AND m.user_id = %s AND m.left_seq IS NULL)"
            )
            params.append(user if is_id(user) else _NO_ID)
        rows = await self._database.fetch_all(
            f"SELECT {_CONVERSATION} FROM conversations c"  # noqa: S608 - constant conditions
            f" WHERE {' AND '.join(conditions)} ORDER BY c.id LIMIT %s",
            (*params, limit),
        )
        return [self._conversation(row) for row in rows]

    async def conversation(self, conversation: str) -> ConversationRow | None:
        """One conversation."""
        if not is_id(conversation):
            return None
        row = await self._database.fetch_one(
            f"SELECT {_CONVERSATION} FROM conversations c"  # noqa: S608 - constant columns
            " WHERE c.id = %s",
            (conversation,),
        )
        return self._conversation(row) if row is not None else None

    async def freeze(self, conversation: str, frozen: bool, by: By) -> bool:
        """Nothing can be written to it, or again. False: no such conversation."""
        if not is_id(conversation):
            return False
        moment = "coalesce(frozen_at, now())" if frozen else "NULL"
        what = "admin_conversation_frozen" if frozen else "admin_conversation_unfrozen"
        async with self._database.transaction() as transaction:
            # Waits for what is being written; what comes later sees it frozen.
            changed = await transaction.execute(
                f"UPDATE conversations SET frozen_at = {moment} WHERE id = %s",  # noqa: S608
                (conversation,),
            )
            if not changed:
                return False
            await note(transaction, what, by, detail=conversation)
        return True

    async def dissolve(self, conversation: str, by: By) -> Written | None:
        """Everybody leaves a group, for good; what must be published. None: there is no such
        group, or nobody is in it any more."""
        if not is_id(conversation):
            return None
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation])
            group = locked.get(conversation)
            if group is None or group.kind != ConversationKind.GROUP or not group.member_count:
                return None
            group.frozen = False  # what is frozen is not written to, but for its end
            await note(transaction, "admin_conversation_dissolved", by, detail=conversation)
            return await close(transaction, locked, group, LOWEST_ID)

    def _conversation(self, row: Row) -> ConversationRow:
        partition = partition_of(row[0], self._partitions)
        found: ConversationRow = ConversationRow(*(*row, partition))
        return found

    # --- the audit --------------------------------------------------------------------------

    async def add_deed(self, deed: Deed) -> None:
        """Note something that is about to be done elsewhere; the same again changes nothing."""
        async with self._database.transaction() as transaction:
            await note(transaction, deed.what, deed.by, detail=deed.detail, identifier=deed.id)

    async def note(self, what: str, by: By, *, user: str = "", detail: str = "") -> None:
        """Note what is about to be done by another store."""
        async with self._database.transaction() as transaction:
            await note(transaction, what, by, user=user, detail=detail)

    async def audit(self, user: str, before: str, limit: int) -> list[AuditRow]:
        """What happened, the newest first; of one person, if given; below the id ``before``."""
        conditions, params = ["true"], []
        if user:
            conditions.append("user_id = %s")
            params.append(user if is_id(user) else _NO_ID)
        if before:
            conditions.append("id < %s")
            params.append(before if is_id(before) else _NO_ID)
        rows = await self._database.fetch_all(
            f"""
            SELECT id::text, at, what, coalesce(user_id::text, ''), client_id,
                coalesce(session_id::text, ''), address, detail
            FROM audit WHERE {" AND ".join(conditions)} ORDER BY id DESC LIMIT %s
            """,  # noqa: S608 - constant conditions
            (*params, limit),
        )
        return [AuditRow(*row) for row in rows]

    # --- the database itself ----------------------------------------------------------------

    async def state(self) -> DatabaseState:
        """What ``doctor`` looks at."""
        fetch = self._database.fetch_all
        names = [*_SETTINGS, "server_version", "server_version_num"]
        settings: dict[str, str] = dict(
            await fetch("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (names,))
        )
        applied = {row[0] for row in await fetch(f"SELECT migration_id FROM {TABLE}")}  # noqa: S608
        known = {path.stem for path in FOLDER.glob("*.sql")}
        (facts,) = await fetch(
            """
            SELECT now(), (SELECT partitions FROM installation),
                (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
                pg_database_size(current_database()),
                (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) o),
                coalesce((SELECT extract(epoch FROM now() - created_at)::float8
                    FROM outbox ORDER BY id LIMIT 1), 0),
                coalesce((SELECT extract(epoch FROM now() - min(xact_start))::float8
                    FROM pg_stat_activity WHERE datname = current_database()), 0),
                pg_is_in_recovery()
            """
        )
        now, partitions, connections, size, outbox, outbox_s, transaction_s, recovery = facts
        return DatabaseState(
            version=settings.pop("server_version"),
            version_number=int(settings.pop("server_version_num")),
            time=now,
            settings=settings,
            partitions=partitions,
            applied=sorted(applied),
            missing=sorted(known - applied),
            unknown=sorted(applied - known),
            invalid_indexes=[row[0] for row in await fetch(_INVALID_INDEXES)],
            missing_privileges=[row[0] for row in await fetch(_MISSING_PRIVILEGES)],
            connections=connections,
            size_bytes=size,
            outbox_rows=outbox,
            outbox_oldest_s=outbox_s,
            oldest_transaction_s=transaction_s,
            in_recovery=recovery,
        )


_INVALID_INDEXES: Final = """
    SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY 1
"""
_MISSING_PRIVILEGES: Final = """
    SELECT p.privilege || ' on ' || c.relname
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (privilege)
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT has_table_privilege(c.oid, p.privilege)
    UNION ALL
    SELECT 'CREATE on schema ' || current_schema()
    WHERE NOT has_schema_privilege(current_schema(), 'CREATE')
    ORDER BY 1
"""


async def note(
    transaction: Transaction, what: str, by: By, *, user: str = "", detail: str = "",
    identifier: str = "",
) -> None:  # fmt: skip
    """Note a change in the audit, in the transaction that makes it."""
    parts = [detail, f"operator={by.operator}", f"reason={by.reason}" if by.reason else ""]
    params: tuple[Any, ...] = (
        identifier or new_id(), what, user if is_id(user) else None, CLIENT,
        " ".join(part for part in parts if part),
    )  # fmt: skip
    await transaction.execute(
        """
        INSERT INTO audit (id, at, what, user_id, client_id, detail)
        VALUES (%s, clock_timestamp(), %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
        """,
        params,
    )


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
