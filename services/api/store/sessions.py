"""Sessions and their refresh tokens (RFC 6749, section 6; RFC 9700, section 4.14.2).

The session's row is locked first, always: of several uses of one token at once, one is the first
and the others are reuses.
"""

from __future__ import annotations

from typing import Final

import msgspec

from services.api.store.database import Database, Row, Transaction
from services.api.store.errors import AlreadyThere
from services.api.store.rotations import rotate_unused
from shared.ids import is_id
from shared.internal import (
    NewSession,
    Rotation,
    RotationReply,
    SessionEnd,
    SessionEnded,
    SessionQuery,
    SessionRecord,
)

# A session that ended so recently is named again: whoever has to spread the word may have failed
# to the first time. Longer than an access token lives.
RECENTLY_ENDED: Final = "10 minutes"

# For so long a refresh may be asked for again when its answer got lost. Clients give up on a
# request and retry within it; whoever steals a token and comes later is noticed.
RETRY_WITHIN: Final = "10 seconds"

UNKNOWN: Final = RotationReply("unknown")

_OF_UNUSED: Final = """s.id = (
    SELECT session_id FROM refresh_tokens
    WHERE hash = %s AND replaced_by IS NULL AND expires_at > now())"""


class NoSuchUser(Exception):
    """A session for nobody."""


class SessionExists(Exception):
    """Another session has this id or this refresh token."""


class SessionStore:
    """Tables ``sessions`` and ``refresh_tokens``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, session: NewSession) -> None:
        """A new session with its first refresh token; the same again changes nothing.

        Raises :class:`NoSuchUser` (also for a disabled one), :class:`SessionExists`.
        """
        if not (is_id(session.session) and is_id(session.user)):
            raise NoSuchUser
        token = _bytes(session.refresh_hash)
        try:
            async with self._database.transaction() as transaction:
                await _insert(transaction, session, token)
        except AlreadyThere as repeat:
            if not await self._is_repeat(session, token):
                raise SessionExists from repeat

    async def rotate(self, rotation: Rotation) -> RotationReply:
        """Replace a refresh token by the next. Using a replaced one ends the session, unless that
        was a moment ago and its successor is unused: then the answer got lost, and it is the same
        successor again."""
        old = _bytes(rotation.old_hash)
        for _ in range(2):  # enabled again between the two questions: ask once more
            usual = await rotate_unused(
                self._database, rotation.client_id, old, _bytes(rotation.new_hash),
                _bytes(rotation.sealed), rotation.expires_at,
            )  # fmt: skip
            if usual is not None:
                session, user, scope = usual
                return RotationReply("rotated", session=session, user=user, scope=scope)
            reply = await self._unusual(rotation, old)
            if reply is not None:
                return reply
        return UNKNOWN

    async def _unusual(self, rotation: Rotation, old: bytes) -> RotationReply | None:
        """Why a token was not replaced; None when there is no reason any more."""
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_one(
                """
                SELECT s.id::text, s.user_id::text, s.scope
                FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
                WHERE t.hash = %s AND s.client_id = %s
                FOR UPDATE OF s
                """,
                (old, rotation.client_id),
            )
            if row is None:
                return UNKNOWN
            session, user, scope = row
            # A new statement, for a snapshot taken after the lock.
            state = await transaction.fetch_one(
                f"""
                SELECT t.replaced_by, t.expires_at > now(), s.ended_at IS NULL,
                       u.disabled_at IS NULL,
                       CASE WHEN t.replaced_at > now() - interval '{RETRY_WITHIN}'
                                 AND next.replaced_by IS NULL THEN t.sealed END
                FROM refresh_tokens t
                JOIN sessions s ON s.id = t.session_id
                JOIN users u ON u.id = s.user_id
                LEFT JOIN refresh_tokens next ON next.hash = t.replaced_by
                WHERE t.hash = %s
                """,  # noqa: S608 - constant interval
                (old,),
            )
            if state is None:
                return UNKNOWN
            reply = RotationReply("rotated", session=session, user=user, scope=scope)
            return await _told(transaction, rotation, reply, state)

    async def end(self, which: SessionEnd) -> SessionEnded:
        """End sessions. Named are those that this ended, and those of the same description that
        ended within the last minutes."""
        condition, parameter, client = _condition(which)
        if parameter is None:
            return SessionEnded([])
        async with self._database.transaction() as transaction:
            await transaction.execute(
                f"""
                UPDATE sessions SET ended_at = now(), end_reason = 'ended'
                WHERE id IN (SELECT id FROM sessions s WHERE {condition} AND ended_at IS NULL
                             ORDER BY id FOR UPDATE)
                """,  # noqa: S608 - constant conditions
                (parameter, *client),
            )
            rows = await transaction.fetch_all(
                f"""
                SELECT s.id::text, s.user_id::text FROM sessions s
                WHERE {condition} AND s.ended_at > now() - interval '{RECENTLY_ENDED}'
                ORDER BY s.id
                """,  # noqa: S608 - constant conditions
                (parameter, *client),
            )
        return SessionEnded([row[0] for row in rows], user=rows[0][1] if rows else "")

    async def find(self, which: SessionQuery) -> list[SessionRecord]:
        """Live sessions of enabled users, the newest use first."""
        if which.refresh_hash:
            condition = _OF_UNUSED
            parameter: str | bytes = _bytes(which.refresh_hash)
        elif is_id(which.session or which.user):
            condition = "s.id = %s" if which.session else "s.user_id = %s"
            parameter = which.session or which.user
        else:
            return []
        rows = await self._database.fetch_all(
            f"""
            SELECT s.id::text, s.user_id::text, s.client_id, s.scope, s.device, s.created_at,
                   s.used_at, s.expires_at
            FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE {condition} AND s.ended_at IS NULL AND s.expires_at > now()
                  AND u.disabled_at IS NULL
            ORDER BY s.used_at DESC, s.id LIMIT 1000
            """,  # noqa: S608 - constant conditions
            (parameter,),
        )
        return [SessionRecord(*row) for row in rows]

    async def prune(self, limit: int = 1000) -> int:
        """Forget what expired over a day ago: at most ``limit`` tokens, and as many sessions with
        their tokens; returns how many rows."""
        tokens = await self._database.execute(
            """
            DELETE FROM refresh_tokens WHERE hash IN (
                SELECT hash FROM refresh_tokens WHERE expires_at < now() - interval '1 day'
                ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
            """,
            (limit,),
        )
        sessions = await self._database.execute(
            """
            DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE expires_at < now() - interval '1 day'
                ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
            """,
            (limit,),
        )
        return tokens + sessions

    async def _is_repeat(self, session: NewSession, token: bytes) -> bool:
        row = await self._database.fetch_one(
            """
            SELECT 1 FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
            WHERE s.id = %s AND s.user_id = %s AND s.client_id = %s AND t.hash = %s
            """,
            (session.session, session.user, session.client_id, token),
        )
        return row is not None


async def _insert(transaction: Transaction, session: NewSession, token: bytes) -> None:
    inserted = await transaction.execute(
        """
        INSERT INTO sessions (id, user_id, client_id, scope, device, expires_at)
        SELECT %s, id, %s, %s, %s, %s FROM users WHERE id = %s AND disabled_at IS NULL
        """,
        (session.session, session.client_id, session.scope, session.device,
         session.expires_at, session.user),
    )  # fmt: skip
    if not inserted:
        raise NoSuchUser
    await transaction.execute(
        "INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (%s, %s, %s)",
        (token, session.session, session.expires_at),
    )


async def _told(
    transaction: Transaction, rotation: Rotation, reply: RotationReply, state: Row
) -> RotationReply | None:
    replaced_by, unexpired, alive, enabled, sealed = state
    new = _bytes(rotation.new_hash)
    if replaced_by is not None and bytes(replaced_by) == new:
        return reply if alive and enabled else UNKNOWN
    if replaced_by is not None and sealed is not None and alive:
        successor = bytes(sealed).hex()
        repeated = msgspec.structs.replace(reply, outcome="repeated", sealed=successor)
        return repeated if enabled else UNKNOWN
    if replaced_by is not None:
        await transaction.execute(
            """
            UPDATE sessions SET ended_at = now(), end_reason = 'reused'
            WHERE id = %s AND ended_at IS NULL
            """,
            (reply.session,),
        )
        return RotationReply("reused", session=reply.session, user=reply.user)
    return None if unexpired and alive and enabled else UNKNOWN


def _condition(which: SessionEnd) -> tuple[str, bytes | str | None, tuple[str, ...]]:
    """SQL over ``sessions s``, its parameter (None: describes nothing), the client's."""
    if which.refresh_hash:
        return (
            "s.id = (SELECT session_id FROM refresh_tokens WHERE hash = %s) AND s.client_id = %s",
            _bytes(which.refresh_hash),
            (which.client_id,),
        )
    if which.session:
        return "s.id = %s", which.session if is_id(which.session) else None, ()
    return "s.user_id = %s", which.user if is_id(which.user) else None, ()


def _bytes(hexadecimal: str) -> bytes:
    """Raises ValueError."""
    return bytes.fromhex(hexadecimal)
