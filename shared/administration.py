"""What operators ask of api, under ``/internal/v1/admin`` (scope ``internal.admin``).

Every change names who asked for it (``By``), and api notes it in the audit table before it answers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

SCOPE_ADMIN: Final = "internal.admin"
PAGE_MAX: Final = 500
REASON_MAX_CHARS: Final = 500


class By(Struct, frozen=True, omit_defaults=True):
    """Who asks for a change, by the name that the operators' tool knows them by, and why."""

    operator: str
    reason: str = ""


class UserRow(Struct, frozen=True):
    """GET …/users?find=&after=&limit= → UserPage; GET …/users/{user} → UserRow.

    ``find``: an id, or the beginning of a handle."""

    user: str
    handle: str
    display_name: str
    disabled_at: datetime | None
    created_at: datetime
    sessions: int  # that live
    conversations: int


class UserPage(Struct, frozen=True):
    """In the order of handles; ``next`` is the ``after`` of the next page, or empty."""

    users: list[UserRow]
    next: str = ""


class Ended(Struct, frozen=True):
    """POST …/users/{user}/disable, …/users/{user}/sessions/end, …/sessions/{session}/end.

    ``sessions``: those that this ended, and those that had ended within the last minutes; all of
    them have been told to gateways again."""

    sessions: list[str]


class ConversationRow(Struct, frozen=True):
    """GET …/conversations?find=&user=&after=&limit= → ConversationPage;
    GET …/conversations/{conversation} → ConversationRow.

    ``find``: an id, or a part of a name."""

    conversation: str
    kind: str
    name: str
    head_seq: int
    messages: int
    members: int
    created_at: datetime
    frozen_at: datetime | None
    partition: int


class ConversationPage(Struct, frozen=True):
    """In the order of ids; ``next`` is the ``after`` of the next page, or empty."""

    conversations: list[ConversationRow]
    next: str = ""


class Announcement(Struct, frozen=True, omit_defaults=True):
    """POST …/announcements → Announced: one step of telling everybody something, in their inbox.

    Begin with ``after`` empty and go on with the answer's ``next`` until it is empty. ``id`` makes
    a step that is asked for again harmless: nobody gets an announcement twice."""

    id: str
    text: str
    by: By
    after: str = ""


class Announced(Struct, frozen=True):
    """How many were told in this step, and where to go on."""

    told: int
    next: str = ""


class Deed(Struct, frozen=True, omit_defaults=True):
    """POST …/audit → 204: a change made outside of api, noted before it is made."""

    id: str
    what: str
    by: By
    detail: str = ""


class AuditRow(Struct, frozen=True):
    """GET …/audit?user=&before=&limit= → AuditPage, the newest first."""

    id: str
    at: datetime
    what: str
    user: str
    client_id: str
    session: str
    address: str
    detail: str


class AuditPage(Struct, frozen=True):
    """``next`` is the ``before`` of the next page, or empty."""

    events: list[AuditRow]
    next: str = ""


class DatabaseState(Struct, frozen=True):
    """GET …/database: what ``doctor`` wants to know of PostgreSQL."""

    version: str
    version_number: int  # as server_version_num
    time: datetime
    settings: dict[str, str]
    partitions: int
    applied: list[str]  # migrations
    missing: list[str]
    unknown: list[str]  # applied, and not of this version of api
    invalid_indexes: list[str]
    missing_privileges: list[str]
    connections: int
    size_bytes: int
    outbox_rows: int
    outbox_oldest_s: float
    oldest_transaction_s: float
    in_recovery: bool
    extra: dict[str, Any] = {}
