"""Who comes and goes with an event: what the dispatcher has to know beside the frame."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.entries import RoutedEvent
from shared.events import ConversationKind, EventKind
from shared.frames import Event, encode
from shared.ids import EVERYBODY

_PLAIN = frozenset(
    {
        EventKind.MESSAGE,
        EventKind.MESSAGE_EDITED,
        EventKind.MESSAGE_RECALLED,
        EventKind.REACTION_ADDED,
        EventKind.REACTION_REMOVED,
        EventKind.MESSAGE_PINNED,
        EventKind.MESSAGE_UNPINNED,
        EventKind.CONVERSATION_RENAMED,
        EventKind.ROLE_CHANGED,
        EventKind.CONVERSATION_CHANGED,
        EventKind.MEMBER_UNBANNED,
        EventKind.MEMBER_SILENCED,
    }
)


def arrivals(
    kind: str, body: bytes, seq: int, conversation_kind: str, inbox_of: str | None
) -> tuple[list[str], list[str]]:
    """(users whose first event this is, users whose last event this is)."""
    if conversation_kind == ConversationKind.INBOX:
        return ([inbox_of] if seq == 1 and inbox_of else []), []
    if kind in _PLAIN:
        return [], []
    content: dict[str, Any] = msgspec.json.decode(body)
    if kind == EventKind.CONVERSATION_CREATED:
        return list(content["members"]), []
    if kind == EventKind.MEMBERS_ADDED:
        return list(content["users"]), []
    if kind == EventKind.CONVERSATION_DISSOLVED:
        return [], [EVERYBODY]
    if kind in (EventKind.MEMBER_REMOVED, EventKind.MEMBER_LEFT, EventKind.MEMBER_BANNED):
        return [], [content["user"]]
    return [], []


def routed(
    event: Event,
    *,
    committed_ms: int,
    conversation_kind: str,
    pair: tuple[str, str] | None = None,
    inbox_of: str | None = None,
    trace: str = "",
) -> RoutedEvent:
    """The stream's form of an event."""
    joined, left = arrivals(event.kind, bytes(event.body), event.seq, conversation_kind, inbox_of)
    return RoutedEvent(
        conversation=event.conversation,
        seq=event.seq,
        frame=encode(event),
        committed_ms=committed_ms,
        trace=trace,
        pair=pair,
        joined=joined,
        left=left,
    )
