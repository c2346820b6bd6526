"""What an organisation's own services ask of api, over ``/internal/v1`` with scope
``internal.service``: JSON.

Beside these, every operation of ``/v1`` is theirs on behalf of a person or bot, under
``/internal/v1/as/{user}/v1/…``.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from shared.internal import SCOPE_SERVICE as SCOPE_SERVICE

USERS_MAX: Final = 1_000  # in one question
FEED_WAIT_MAX_S: Final = 30.0
FEED_PAGE_MAX: Final = 200  # transactions; each may hold several events


class Tell(Struct, frozen=True):
    """Say something as the system, in people's inboxes or in a conversation: exactly one of
    ``users``, ``online`` and ``conversation``. ``id``: the same again tells nobody twice."""

    id: str
    text: str
    users: list[str] = []
    online: bool = False
    conversation: str = ""


class Told(Struct, frozen=True):
    """How many people, or conversations, have been told by this call."""

    told: int


class Connection(Struct, frozen=True, omit_defaults=True):
    """A device that is connected. ``away``: nobody sits before it."""

    connection: str
    user: str
    session: str
    gateway: str
    since_ms: int  # Unix time
    away: bool = False


class ConnectionsQuery(Struct, frozen=True):
    """Of whom; empty: of everybody."""

    users: list[str] = []


class Connections(Struct, frozen=True):
    """Who is connected now, on which devices; up to CONNECTIONS_MAX."""

    connections: list[Connection]
    complete: bool = True


class SignedOut(Struct, frozen=True):
    """Sessions that have ended, with their sockets."""

    sessions: list[str]


class FeedItem(Struct, frozen=True, omit_defaults=True):
    """One of: an ``event`` (as the ``event`` frame of the WebSocket); connections that ``came``;
    connections (ids) that ``went``; a ``gateway`` that is dead, with all its connections; or
    ``anew``: what was known of connections is of no use any more, ask for them."""

    event: msgspec.Raw = msgspec.Raw(b"")
    came: list[Connection] = []
    went: list[str] = []
    gateway: str = ""
    anew: bool = False


class FeedPage(Struct, frozen=True):
    """Part of the feed, and where it goes on. ``lost``: the cursor was older than what is kept, or
    of another database; this is the beginning of what there is."""

    items: list[FeedItem]
    cursor: str
    lost: bool = False
