"""Judges a run's history. Pure: no input, no output, no clock.

Each promise has a function that yields findings; a run passes when there are none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.faults.deeds import differences, missing_deeds
from tests.faults.history import (
    DeviceLog,
    History,
    Outcome,
    SendRecord,
    Sighting,
    StoredEvent,
)
from tests.faults.membership import Interval, Intervals, by_conversation, intervals

Kind = Literal[
    "lost",  # acknowledged or due, and not there
    "repeated",  # there more often than once
    "disorder",  # not in order of seq, or not in the place that was acknowledged
    "leaked",  # seen by, or stored for, someone who may not
    "altered",  # not what was sent
    "presence",  # rosters or a watcher's view do not match who is connected
    "resource",  # a process holds more than before
    "pending",  # a stream or the outbox did not drain, or gave an entry up
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    kind: Kind
    text: str


def check(history: History) -> list[Finding]:
    """All findings, in a stable order; an empty list: the run passes."""
    spells = intervals(history)
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _acknowledged_is_stored(history),
        lambda: _stored_is_sound(history, spells),
        lambda: _devices_saw_all(history, spells),
        lambda: _presence_is_right(history, spells),
        lambda: (Finding("lost", text) for text in missing_deeds(history)),
        lambda: (Finding("altered", text) for text in differences(history)),
        lambda: _nothing_grew(history),
        lambda: _all_drained(history),
    ]
    return [finding for each in checks for finding in each()]


def _acknowledged_is_stored(history: History) -> Iterator[Finding]:
    """Each acknowledged message stands once, where and as acknowledged; a refused one nowhere;
    one of unknown fate at most once."""
    stored = defaultdict(list)
    for event in history.stored:
        if event.client_msg_id:
            stored[event.sender, event.client_msg_id].append(event)
    for send in history.sends:
        events = stored.pop((send.sender, send.client_msg_id), [])
        name = f"{send.outcome} message {send.client_msg_id} of {send.device}"
        if len(events) > 1:
            yield Finding("repeated", f"{name} is stored {len(events)} times")
        if not events:
            if send.outcome is Outcome.ACKED:
                yield Finding("lost", f"{name} (seq {send.seq}) is not stored")
            continue
        event = events[0]
        if send.outcome is Outcome.REFUSED:
            yield Finding("leaked", f"{name} ({send.code}) is stored as seq {event.seq}")
        changed = event.text != send.text and not event.recalled
        if changed or event.conversation != send.conversation:
            yield Finding("altered", f"{name} is stored with another text or conversation")
        if send.outcome is Outcome.ACKED and event.seq != send.seq:
            yield Finding("disorder", f"{name} as seq {send.seq} is stored as seq {event.seq}")
    for sender, client_msg_id in stored:
        yield Finding("altered", f"message {client_msg_id} of {sender} was never sent")


def _stored_is_sound(history: History, spells: Intervals) -> Iterator[Finding]:
    """Seqs run from 1 without a gap up to the head, and only members wrote."""
    logs = by_conversation(history.stored)
    for conversation, head in history.heads.items():
        seqs = [event.seq for event in logs.get(conversation, [])]
        if seqs != list(range(1, head + 1)):
            yield from _explain_seqs(conversation, seqs, head)
    for event in history.stored:
        if event.kind == "message":
            own = spells.get((event.conversation, event.sender), [])
            # The event that ends a membership is never a message, so that the bound may include it.
            if not any(event.seq in spell for spell in own):
                text = f"{event.conversation} seq {event.seq} is by {event.sender}, not a member"
                yield Finding("leaked", text)


def _explain_seqs(conversation: str, seqs: list[int], head: int) -> Iterator[Finding]:
    counted = Counter(seqs)
    if missing := [seq for seq in range(1, head + 1) if seq not in counted]:
        yield Finding("lost", f"{conversation} has no event {_some(missing)}")
    if repeated := [seq for seq, times in counted.items() if times > 1]:
        yield Finding("repeated", f"{conversation} has event {_some(repeated)} more than once")
    if beyond := [seq for seq in counted if seq > head or seq < 1]:
        yield Finding("disorder", f"{conversation} with head {head} has event {_some(beyond)}")


def _devices_saw_all(history: History, spells: Intervals) -> Iterator[Finding]:
    """Each device was handed each event of its user's conversations once, in order, complete and
    unaltered, and nothing else."""
    stored = {(event.conversation, event.seq): event for event in history.stored}
    for device in history.devices:
        seen: dict[str, list[Sighting]] = defaultdict(list)
        for sighting in device.sightings:
            seen[sighting.conversation].append(sighting)
            event = stored.get((sighting.conversation, sighting.seq))
            if event is None:
                text = f"{device.name} saw {sighting.conversation} seq {sighting.seq}: not stored"
                yield Finding("altered", text)
            elif not _is_same(event, sighting):
                text = f"{device.name} saw {sighting.conversation} seq {sighting.seq} altered"
                yield Finding("altered", text)
        for conversation, seq in sorted(device.wire):
            # The SDK may hide it: what must not be on the socket is a leak all the same.
            if not any(seq in spell for spell in spells.get((conversation, device.user), [])):
                text = f"{device.name} was sent {conversation} seq {seq} without being a member"
                yield Finding("leaked", text)
        own = {conversation for conversation, user in spells if user == device.user}
        for conversation in sorted(own | seen.keys()):
            seqs = [sighting.seq for sighting in seen.get(conversation, [])]
            entitled = spells.get((conversation, device.user), [])
            head = history.heads.get(conversation, 0)
            yield from _sequence(device, conversation, seqs, entitled, head)


def _is_same(event: StoredEvent, sighting: Sighting) -> bool:
    """Whether a device saw what is stored; the text of a recalled message it may have seen."""
    names = ("kind", "client_msg_id", "target", "detail")
    same = all(getattr(event, name) == getattr(sighting, name) for name in names)
    return same and (event.recalled or event.text == sighting.text)


def _sequence(
    device: DeviceLog, conversation: str, seqs: list[int], entitled: list[Interval], head: int
) -> Iterator[Finding]:
    where = f"{device.name} in {conversation}"
    if outside := [seq for seq in seqs if not any(seq in spell for spell in entitled)]:
        yield Finding("leaked", f"{where} saw {_some(outside)} without being a member")
    if repeated := [seq for seq, times in Counter(seqs).items() if times > 1]:
        yield Finding("repeated", f"{where} saw {_some(repeated)} more than once")
    highest = 0
    late = []
    for seq in dict.fromkeys(seqs):
        if seq < highest:
            late.append(seq)
        highest = max(highest, seq)
    if late:
        yield Finding("disorder", f"{where} saw {_some(late)} after a later one")
    have = set(seqs)
    for spell in entitled:
        if missing := _missing(have, spell, head, complete=device.complete):
            yield Finding("lost", f"{where} never saw {_some(missing)} of {head}")


def _missing(have: set[int], spell: Interval, head: int, *, complete: bool) -> list[int]:
    """What should have been seen and was not.

    In a membership that has ended the end may be missing: a device that was behind when its user
    was removed may no longer fetch the rest. The removal itself may still reach it.
    """
    if spell.last is None and complete:
        return [seq for seq in range(spell.first, head + 1) if seq not in have]
    end = head if spell.last is None else spell.last - 1
    got = [seq for seq in have if spell.first <= seq <= end]
    return [seq for seq in range(spell.first, max(got, default=0)) if seq not in have]


def _presence_is_right(history: History, spells: Intervals) -> Iterator[Finding]:
    """The rosters hold exactly the live connections; watchers see exactly the connected."""
    live = {device.session: device for device in history.devices if device.connected}
    entries = Counter(entry.session for entry in history.rosters)
    for session, device in live.items():
        if entries[session] != 1:
            yield Finding("presence", f"{device.name} is in the rosters {entries[session]} times")
    for entry in history.rosters:
        if entry.session not in live:
            text = f"connection {entry.connection} of {entry.user} is in a roster and is gone"
            yield Finding("presence", text)
        elif live[entry.session].user != entry.user:
            yield Finding("presence", f"connection {entry.connection} stands for another user")
    for entry in history.left_behind:
        text = f"connection {entry.connection} of {entry.user} stayed when all had gone"
        yield Finding("presence", text)
    online = {device.user for device in live.values()}
    for view in history.watches:
        members = {
            user
            for (conversation, user), terms in spells.items()
            if conversation == view.conversation and terms[-1].last is None
        }
        # Nobody needs to be told that they are online themselves.
        watcher = {device.user for device in history.devices if device.name == view.device}
        wrong = (view.online ^ (members & online)) - watcher
        if wrong:
            states = [f"{user} as {'on' if user in view.online else 'off'}line" for user in wrong]
            where = f"{view.device} in {view.conversation}"
            yield Finding("presence", f"{where} takes {', '.join(sorted(states))}")


def _nothing_grew(history: History) -> Iterator[Finding]:
    for gauge in history.gauges:
        if gauge.after > gauge.before + gauge.slack:
            growth = f"{gauge.before:g} before, {gauge.after:g} after"
            yield Finding("resource", f"{gauge.process} {gauge.name}: {growth}")


def _all_drained(history: History) -> Iterator[Finding]:
    for name, count in sorted(history.pending.items()):
        if count:
            yield Finding("pending", f"{name} has {count} not confirmed")
    for name, count in sorted(history.dead.items()):
        if count:
            yield Finding("pending", f"{name} holds {count} entries that were given up")


def _some(seqs: list[int], at_most: int = 5) -> str:
    shown = ", ".join(map(str, seqs[:at_most]))
    return shown + (f" and {len(seqs) - at_most} more" if len(seqs) > at_most else "")


def outcomes(sends: list[SendRecord]) -> Counter[Outcome]:
    """How many messages ended how."""
    return Counter(send.outcome for send in sends)
