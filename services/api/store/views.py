"""Conversations as one of their members sees them: the one question that lists and sync share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from services.api.store.database import Row
from services.api.store.users import FACE, User
from shared.ids import EVERYBODY
from shared.limits import COUNTED_MAX


@dataclass(frozen=True, slots=True)
class Details:
    """What a group is beside its name."""

    version: int
    topic: str
    description: str
    avatar: str | None
    visibility: str
    joining: str
    announcement: bool  # only owner and admins write


@dataclass(frozen=True, slots=True)
class Settings:
    """How a member has set a conversation up for themselves."""

    version: int = 0
    muted_until: datetime | None = None
    notify: str = "all"
    pinned: int | None = None
    archived: bool = False
    hidden: bool = False
    marked_unread: bool = False
    draft: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A conversation as one member sees it."""

    id: str
    kind: str
    name: str
    head_seq: int
    number: int
    member_count: int
    created_at: datetime
    role: str
    first_seq: int
    delivered_seq: int
    read_seq: int
    unread: int
    mentions: int
    threads_unread: int
    silenced_until: datetime | None
    peer: User | None  # direct: the other one
    peer_delivered_seq: int
    peer_read_seq: int
    details: Details
    settings: Settings


SETTINGS_COLUMNS: Final = """
    coalesce(s.version, 0), s.muted_until, coalesce(s.notify, 'all'), s.pinned,
    coalesce(s.archived, false), coalesce(s.hidden_number >= c.number, false),
    coalesce(s.marked_unread, false), s.draft
"""
_SETTINGS_COUNT: Final = 8

# Mentions and unread threads are counted up to a bound: what nobody reads must not cost ever more.
VIEW_COLUMNS: Final = f"""
    c.id::text, c.kind, c.name, c.head_seq, c.number, c.member_count, c.created_at,
    m.role, m.first_seq, m.delivered_seq, m.read_seq, c.number - m.read_number,
    (
        SELECT least(count(*), {COUNTED_MAX}) FROM (
            (SELECT x.seq FROM mentions x
             WHERE x.conversation_id = c.id AND x.user_id = m.user_id AND x.seq > m.read_seq
                AND x.sender_id <> m.user_id LIMIT {COUNTED_MAX})
            UNION
            (SELECT x.seq FROM mentions x
             WHERE x.conversation_id = c.id AND x.user_id = '{EVERYBODY}' AND x.seq > m.read_seq
                AND x.sender_id <> m.user_id LIMIT {COUNTED_MAX})
        ) AS found
    ),
    (
        SELECT count(*) FROM (
            SELECT FROM thread_members t
            WHERE t.user_id = m.user_id AND t.conversation_id = c.id
                AND t.following AND t.unread_since IS NOT NULL LIMIT {COUNTED_MAX}
        ) AS found
    ),
    m.silenced_until,
    {FACE}, p.delivered_seq,
    CASE WHEN m.receipts_private OR p.receipts_private THEN 0 ELSE p.read_seq END,
    coalesce(d.version, 1), coalesce(d.topic, ''), coalesce(d.description, ''), d.avatar::text,
    coalesce(d.visibility, 'private'), coalesce(d.joining, 'invited'), c.posting = 'admins',
    {SETTINGS_COLUMNS}
"""  # noqa: S608 - constants
VIEW_COLUMN_COUNT: Final = 29 + _SETTINGS_COUNT
# In groups and inboxes low_id is NULL, and so there is no peer.
VIEW_TABLES: Final = """
    members m
    JOIN conversations c ON c.id = m.conversation_id
    LEFT JOIN users u ON u.id = CASE WHEN c.low_id = m.user_id THEN c.high_id ELSE c.low_id END
    LEFT JOIN members p ON p.conversation_id = c.id AND p.user_id = u.id
    LEFT JOIN conversation_details d ON d.conversation_id = c.id
    LEFT JOIN member_settings s ON s.user_id = m.user_id AND s.conversation_id = c.id
"""


def view_of(row: Row) -> View:
    """From VIEW_COLUMNS."""
    peer = User(*row[15:20]) if row[15] is not None else None
    marks = (row[20] or 0, row[21] or 0)
    details = Details(*row[22:29])
    view: View = View(*(*row[:15], peer, *marks, details, settings_of(row[29:])))
    return view


def settings_of(row: Row) -> Settings:
    """From SETTINGS_COLUMNS."""
    draft = msgspec.json.decode(row[7]) if row[7] is not None else None
    settings: Settings = Settings(*(*row[:7], draft))
    return settings
