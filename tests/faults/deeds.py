"""What is done to messages beside sending them, and what must have become of it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.history import History, StoredEvent


class Deed(StrEnum):
    """A change of a message, or a message that is more than plain."""

    EDIT = "edit"
    REACT = "react"
    UNREACT = "unreact"
    PIN = "pin"
    RECALL = "recall"
    THREAD = "thread"  # a reply in a thread
    MENTION = "mention"  # a message that mentions somebody


# deed → the kind of event that it makes
KINDS = {
    Deed.EDIT: "message_edited",
    Deed.REACT: "reaction_added",
    Deed.UNREACT: "reaction_removed",
    Deed.PIN: "message_pinned",
    Deed.RECALL: "message_recalled",
}
EMOJI = "👍"


@dataclass(frozen=True, slots=True)
class DeedRecord:
    """A deed that was acknowledged."""

    user: str
    conversation: str
    deed: Deed
    target: int  # seq of the message
    detail: str = ""  # emoji, or version


@dataclass(slots=True)
class Tables:
    """What PostgreSQL keeps beside the log: the present, as snapshots tell it."""

    reactions: set[tuple[str, int, str, str]] = field(default_factory=set)  # …, emoji, user
    pins: set[tuple[str, int]] = field(default_factory=set)
    recalls: set[tuple[str, int]] = field(default_factory=set)
    versions: dict[tuple[str, int], int] = field(default_factory=dict)  # edited: the newest
    replies: dict[tuple[str, int], int] = field(default_factory=dict)  # root → how many
    mentions: set[tuple[str, int, str]] = field(default_factory=set)  # …, user


def missing_deeds(history: History) -> Iterator[str]:
    """Acknowledged deeds that no event tells."""
    told = defaultdict(set)
    for event in history.stored:
        told[event.conversation, event.kind, event.target].add((event.sender, event.detail))
    for record in history.deeds:
        there = told[record.conversation, KINDS[record.deed], record.target]
        # Who pins or recalls what another has pinned or recalled is told that it is so.
        by_anybody = record.deed in (Deed.PIN, Deed.RECALL)
        if not (there if by_anybody else (record.user, record.detail) in there):
            yield (
                f"{record.deed} of {record.conversation} seq {record.target} by {record.user}"
                " is acknowledged and stands in no event"
            )


def replayed(events: list[StoredEvent]) -> Tables:
    """What the tables must hold, made from the log alone."""
    now = Tables()
    for event in sorted(events, key=lambda one: (one.conversation, one.seq)):
        _apply(now, event)
    return now


def _apply(now: Tables, event: StoredEvent) -> None:
    place = (event.conversation, event.target)
    match event.kind:
        case "message":
            own = (event.conversation, event.seq)
            if event.target:
                now.replies[place] = now.replies.get(place, 0) + 1
            now.mentions |= {(*own, user) for user in event.mentions}
        case "message_edited":
            now.versions[place] = int(event.detail)
            now.mentions = {one for one in now.mentions if one[:2] != place}
            now.mentions |= {(*place, user) for user in event.mentions}
        case "reaction_added":
            now.reactions.add((*place, event.detail, event.sender))
        case "reaction_removed":
            now.reactions.discard((*place, event.detail, event.sender))
        case "message_pinned":
            now.pins.add(place)
        case "message_unpinned":
            now.pins.discard(place)
        case "message_recalled":
            now.recalls.add(place)
            now.pins.discard(place)
            now.versions.pop(place, None)
            now.reactions = {one for one in now.reactions if one[:2] != place}
            now.mentions = {one for one in now.mentions if one[:2] != place}


def differences(history: History) -> Iterator[str]:
    """Where the tables are not what the log makes of them."""
    if history.tables is None:
        return
    expected, held = replayed(history.stored), history.tables
    for name in ("reactions", "pins", "recalls", "mentions"):
        for one in sorted(getattr(expected, name) ^ getattr(held, name), key=str):
            side = "only in the log" if one in getattr(expected, name) else "in no event"
            yield f"{name} {one}: {side}"
    for name in ("versions", "replies"):
        wanted, there = getattr(expected, name), getattr(held, name)
        for place in sorted(wanted.keys() | there.keys()):
            if wanted.get(place) != there.get(place):
                yield f"{name} of {place}: {wanted.get(place)} by the log, {there.get(place)} held"


def counted(history: History) -> dict[str, int]:
    """How many acknowledged deeds of each kind."""
    return dict(Counter(record.deed.value for record in history.deeds))
