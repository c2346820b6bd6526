"""The usual rotation of a refresh token, in one message to PostgreSQL: an unused token of a session
that lives. Everything else is told apart in :mod:`services.api.store.sessions`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.api.store.database import Database, Prepared

# For so long a replaced token is kept to notice its reuse; a device that refreshes every five
# minutes leaves 2,016 of them behind. Later it is refused like any unknown one.
REUSE_NOTICED: Final = "7 days"

_LOCK: Final = Prepared(
    "lock_session_of",
    """
    PREPARE lock_session_of(bytea, text) AS
    SELECT FROM sessions s
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens t WHERE t.hash = $1) AND s.client_id = $2
    FOR NO KEY UPDATE
    """,
)

_ROTATE: Final = Prepared(
    "rotate_unused",
    f"""
    PREPARE rotate_unused(bytea, text, bytea, bytea, timestamptz) AS
    WITH old AS (
        UPDATE refresh_tokens t
        SET replaced_by = $3, replaced_at = now(), sealed = $4,
            expires_at = least(t.expires_at, now() + interval '{REUSE_NOTICED}')
        FROM sessions s, users u
        WHERE t.hash = $1 AND t.replaced_by IS NULL AND t.expires_at > now()
            AND s.id = t.session_id AND s.client_id = $2 AND s.ended_at IS NULL
            AND u.id = s.user_id AND u.disabled_at IS NULL
        RETURNING s.id, s.user_id, s.scope
    ), added AS (
        INSERT INTO refresh_tokens (hash, session_id, expires_at) SELECT $3, id, $5 FROM old
    ), used AS (
        UPDATE sessions SET used_at = now(), expires_at = $5 FROM old WHERE sessions.id = old.id
    )
    SELECT id::text, user_id::text, scope FROM old
    """,  # noqa: S608 - constant interval
)

# The second statement takes a new snapshot, after the lock: of several uses of one token at once,
# one is the first.
_LOCK_AND_ROTATE: Final = (
    "EXECUTE lock_session_of(%s, %s); EXECUTE rotate_unused(%s, %s, %s, %s, %s)"
)


async def rotate_unused(
    database: Database, client_id: str, old: bytes, new: bytes, sealed: bytes, expires_at: datetime
) -> tuple[str, str, str] | None:
    """Session, user and scope; None, and nothing has changed, when it is not the usual case.

    Raises StoreError.
    """
    rows = await database.fetch_all(
        _LOCK_AND_ROTATE,
        (old, client_id, old, client_id, new, sealed or None, expires_at),
        prepared=(_LOCK, _ROTATE),
    )
    if not rows:
        return None
    session, user, scope = rows[0]
    return session, user, scope
