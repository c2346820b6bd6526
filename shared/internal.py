"""The HTTP between services, under api's ``/internal/v1``: JSON, typed by these structs.

Callers present a service token (audience ``internal``) with the scope given at each group. Both
ends use the same types, so nothing here is validated twice. Errors are problem documents
(:mod:`shared.problems`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from shared.codes import ErrorCode

AUDIENCE: Final = "internal"
SCOPE_GATEWAY: Final = "internal.gateway"
SCOPE_DISPATCHER: Final = "internal.dispatcher"
SCOPE_AUTH: Final = "internal.auth"
SCOPE_SERVICE: Final = "internal.service"  # an organisation's own services: see shared.services

# --- gateway: POST /internal/v1/messages --------------------------------------------------------


class NewMessage(Struct, frozen=True, omit_defaults=True):
    """A message that a user wants to send; the sender is who the socket's token says."""

    conversation: str
    sender: str
    client_msg_id: str
    body: dict[str, Any]
    origin: str = ""  # connection id, left out of the fan-out
    trace: str = ""


class AppendRequest(Struct, frozen=True):
    """At most SEND_BATCH_MAX messages."""

    messages: list[NewMessage]


class Appended(Struct, frozen=True, tag="appended", omit_defaults=True):
    """Committed as event ``seq``; ``repeat``: an earlier try had been."""

    conversation: str
    seq: int
    number: int
    time: datetime
    repeat: bool = False


class NotAppended(Struct, frozen=True, tag="refused", omit_defaults=True):
    """Not stored, and why."""

    code: ErrorCode
    message: str
    field: str = ""
    retry_after_ms: int = 0


class AppendReply(Struct, frozen=True):
    """One result per message, in the request's order."""

    results: list[Appended | NotAppended]


# --- gateway: POST /internal/v1/receipts --------------------------------------------------------


class ReceiptMark(Struct, frozen=True, omit_defaults=True):
    """A member's marks; 0 leaves a mark as it is. Marks never go back."""

    user: str
    conversation: str
    delivered: int = 0
    read: int = 0


class ReceiptsRequest(Struct, frozen=True):
    marks: list[ReceiptMark]


class ReceiptsReply(Struct, frozen=True):
    """Per mark: None, or why it was refused (not a member, or a seq above the head)."""

    results: list[NotAppended | None]


# --- gateway: POST /internal/v1/heads -----------------------------------------------------------


class HeadsRequest(Struct, frozen=True):
    """Which conversations of these users moved since the cursor ('' for: tell me a cursor)."""

    users: list[str]
    cursor: str = ""


class HeadsReply(Struct, frozen=True):
    cursor: str
    heads: dict[str, list[tuple[str, int]]]  # user → [(conversation, head seq)]


# --- dispatcher ---------------------------------------------------------------------------------
# GET /internal/v1/conversations/{id}/members?from_seq=N       → MembersReply
# GET /internal/v1/conversations/{id}/events?after_seq=N&limit= → shared.entries.EventBatch, msgpack


class Membership(Struct, frozen=True, array_like=True):
    """Entitled to events first_seq ≤ seq ≤ left_seq (None: still a member)."""

    user: str
    first_seq: int
    left_seq: int | None = None


class MembersReply(Struct, frozen=True):
    """Members as of event ``as_of_seq``, and those who left at or after ``from_seq``."""

    as_of_seq: int
    members: list[Membership]


class VisibilityRequest(Struct, frozen=True):
    """POST /internal/v1/people/visibility → VisibilityReply; at most 200 people"""

    users: list[str]


class Visibility(Struct, frozen=True, array_like=True):
    """Who may see whether somebody is here. A block is told for both of the two."""

    user: str
    audience: Literal["everyone", "contacts", "nobody"]
    contacts: list[str] = []  # only where the audience is made of them
    blocked: list[str] = []  # by the user, or who have blocked the user
    last_seen_ms: int = 0  # Unix time; 0: unknown


class VisibilityReply(Struct, frozen=True):
    """Those of the people who exist."""

    people: list[Visibility]


class SeenReport(Struct, frozen=True):
    """POST /internal/v1/people/seen → 204; at most 1,000 people"""

    times_ms: dict[str, int]  # user → Unix time


# --- auth ---------------------------------------------------------------------------------------


class NewAccount(Struct, frozen=True):
    """POST /internal/v1/accounts → 201 Account; 409 when the handle is taken. ``user``: the id that
    it shall have; needed without a password, so that a retry is known for one."""

    handle: str
    display_name: str
    password_hash: str
    user: str = ""


class Account(Struct, frozen=True):
    """GET /internal/v1/accounts/{user}, GET /internal/v1/accounts?handle=H"""

    user: str
    handle: str
    display_name: str
    password_hash: str  # empty: nobody signs in to it with a password
    disabled: bool
    kind: str = "person"  # or "bot"
    email: str = ""  # that the person has proved to be theirs


class PasswordChange(Struct, frozen=True):
    """PUT /internal/v1/accounts/{user}/password → 204"""

    password_hash: str


class EmailChange(Struct, frozen=True):
    """PUT /internal/v1/accounts/{user}/email → 204; 409 when it is someone else's. DELETE → 204.
    ``key``: the address as it is compared."""

    address: str
    key: str


class EmailQuery(Struct, frozen=True):
    """POST /internal/v1/emails/find → Account; 404"""

    key: str


class OutsideIdentity(Struct, frozen=True):
    """Who somebody is at an OpenID provider outside; ``label`` is what they know it by."""

    issuer: str
    subject: str
    label: str
    linked_at: datetime


class OutsideIdentities(Struct, frozen=True):
    """GET /internal/v1/outside/of/{user}: one for each provider at most."""

    identities: list[OutsideIdentity]


class OutsideQuery(Struct, frozen=True):
    """POST /internal/v1/outside/find → Account; 404"""

    issuer: str
    subject: str


class OutsideLink(Struct, frozen=True):
    """POST /internal/v1/outside/link → 204; 409: the identity, or one of this provider for the
    user, is linked already. The same again changes nothing."""

    user: str
    issuer: str
    subject: str
    label: str


class OutsideUnlink(Struct, frozen=True):
    """POST /internal/v1/outside/unlink → 204; 404"""

    user: str
    issuer: str


class NewSession(Struct, frozen=True):
    """POST /internal/v1/sessions → 201. A session is one sign-in on one device: a refresh token
    family. ``refresh_hash`` is the hex SHA-256 of the first refresh token."""

    session: str
    user: str
    client_id: str
    scope: str
    device: str
    refresh_hash: str
    expires_at: datetime


class Rotation(Struct, frozen=True):
    """POST /internal/v1/sessions/rotate → RotationReply, atomically. ``sealed``: the new token, in
    hex, readable with the old one only."""

    client_id: str
    old_hash: str
    new_hash: str
    expires_at: datetime
    sealed: str = ""


class RotationReply(Struct, frozen=True, omit_defaults=True):
    """``outcome``: rotated; repeated (it was rotated a moment ago and the successor, in ``sealed``,
    is unused: the answer got lost); reused (the family is revoked now); unknown (never was,
    expired, ended, another client's, or the user is disabled)."""

    outcome: str
    session: str = ""
    user: str = ""
    scope: str = ""
    sealed: str = ""


class SessionEnd(Struct, frozen=True, omit_defaults=True):
    """POST /internal/v1/sessions/end → SessionEnded. By refresh token, by session, or all of a
    user's; exactly one is given."""

    refresh_hash: str = ""
    client_id: str = ""  # with refresh_hash
    session: str = ""
    user: str = ""


class SessionEnded(Struct, frozen=True):
    """The sessions that lived and now do not."""

    sessions: list[str]
    user: str = ""


class SessionQuery(Struct, frozen=True, omit_defaults=True):
    """POST /internal/v1/sessions/find → SessionList: live sessions of enabled users, by a refresh
    token that is good, by id, or all of a user's; exactly one is given."""

    refresh_hash: str = ""
    session: str = ""
    user: str = ""


class SessionRecord(Struct, frozen=True):
    """A session that lives. ``used_at``: when it began or was last refreshed."""

    session: str
    user: str
    client_id: str
    scope: str
    device: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime


class SessionList(Struct, frozen=True):
    """The newest use first; at most 1,000."""

    sessions: list[SessionRecord]


class Consent(Struct, frozen=True):
    """GET and PUT /internal/v1/consents/{user}/{client_id}: the granted scopes, or empty."""

    scope: str


class AuditEvent(Struct, frozen=True, omit_defaults=True):
    """A security event: when (UTC), what, who, with what, from where, in which request. ``user``
    and ``session`` are ids or empty."""

    id: str
    at: datetime
    what: str
    user: str = ""
    client_id: str = ""
    session: str = ""
    address: str = ""
    request_id: str = ""
    detail: str = ""


class AuditBatch(Struct, frozen=True):
    """POST /internal/v1/audit → 204; the same events again change nothing."""

    events: list[AuditEvent]
