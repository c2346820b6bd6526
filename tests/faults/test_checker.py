"""The checker passes a sound history and names what is wrong with each spoilt one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.deeds import Deed, DeedRecord, Tables
from tests.faults.history import (
    DeviceLog,
    Gauge,
    History,
    Outcome,
    RosterEntry,
    SendRecord,
    Sighting,
    StoredEvent,
    WatchView,
)

ROOM = "room"
AT = 1000.0


def _message(seq: int, sender: str) -> StoredEvent:
    return StoredEvent(
        conversation=ROOM, seq=seq, kind="message", sender=sender, at=AT,
        client_msg_id=f"{sender}-{seq}", text=f"hash-{seq}",
    )  # fmt: skip


def _seen(event: StoredEvent) -> Sighting:
    return Sighting(
        conversation=event.conversation, seq=event.seq, kind=event.kind, at=AT,
        client_msg_id=event.client_msg_id, text=event.text,
    )  # fmt: skip


def _send(event: StoredEvent, outcome: Outcome = Outcome.ACKED) -> SendRecord:
    return SendRecord(
        sender=event.sender, device=f"{event.sender}/1", conversation=event.conversation,
        client_msg_id=event.client_msg_id, text=event.text, outcome=outcome,
        started_at=AT, ended_at=AT, seq=event.seq if outcome is Outcome.ACKED else 0,
    )  # fmt: skip


def _sound() -> History:
    """ann and bob in a room; cid joins with seq 4 and is removed with seq 7."""
    stored = [
        StoredEvent(
            conversation=ROOM, seq=1, kind="conversation_created", sender="ann", at=AT,
            joined=("ann", "bob"),
        ),
        _message(2, "ann"),
        _message(3, "bob"),
        StoredEvent(
            conversation=ROOM, seq=4, kind="members_added", sender="ann", at=AT, joined=("cid",)
        ),
        _message(5, "cid"),
        _message(6, "ann"),
        StoredEvent(
            conversation=ROOM, seq=7, kind="member_removed", sender="ann", at=AT, left=("cid",)
        ),
        _message(8, "bob"),
    ]  # fmt: skip
    sightings = [_seen(event) for event in stored]
    return History(
        stored=stored,
        heads={ROOM: 8},
        sends=[_send(event) for event in stored if event.kind == "message"],
        devices=[
            DeviceLog(name="ann/1", user="ann", session="c1", sightings=list(sightings)),
            DeviceLog(name="ann/2", user="ann", session="c2", sightings=list(sightings)),
            DeviceLog(name="bob/1", user="bob", session="c3", sightings=list(sightings)),
            DeviceLog(name="cid/1", user="cid", session="c4", sightings=sightings[3:7]),
        ],
        rosters=[
            RosterEntry(connection=f"connection-{session}", user=user, session=session)
            for user, session in (("ann", "c1"), ("ann", "c2"), ("bob", "c3"), ("cid", "c4"))
        ],
        watches=[WatchView(device="ann/1", conversation=ROOM, online=frozenset({"bob"}))],
        gauges=[Gauge(process="api-1", name="fds", before=30, after=34, slack=5)],
        pending={"p00:events": 0},
        dead={"p00:dead": 0},
    )


def test_a_sound_history_passes() -> None:
    assert check(_sound()) == []


def _lose_stored(history: History) -> None:
    history.stored = [event for event in history.stored if event.seq != 6]
    for device in history.devices:
        device.sightings = [seen for seen in device.sightings if seen.seq != 6]


def _store_twice(history: History) -> None:
    history.stored.append(replace(history.stored[5], seq=9))
    history.heads[ROOM] = 9


def _ack_wrong_seq(history: History) -> None:
    history.sends[0] = replace(history.sends[0], seq=99)


def _refuse_what_is_stored(history: History) -> None:
    history.sends[0] = replace(history.sends[0], outcome=Outcome.REFUSED, code="not_found")


def _alter_stored(history: History) -> None:
    history.stored[1] = replace(history.stored[1], text="other")


def _alter_seen(history: History) -> None:
    history.devices[0].sightings[1] = replace(history.devices[0].sightings[1], text="other")


def _store_what_nobody_sent(history: History) -> None:
    del history.sends[0]


def _skip_one(history: History) -> None:
    del history.devices[1].sightings[4]


def _miss_the_end(history: History) -> None:
    del history.devices[1].sightings[-1]


def _see_twice(history: History) -> None:
    history.devices[1].sightings.append(history.devices[1].sightings[3])


def _swap(history: History) -> None:
    seen = history.devices[1].sightings
    seen[2], seen[3] = seen[3], seen[2]


def _see_before_joining(history: History) -> None:
    history.devices[3].sightings.insert(0, _seen(history.stored[2]))


def _see_after_removal(history: History) -> None:
    history.devices[3].sightings.append(_seen(history.stored[7]))


def _see_as_stranger(history: History) -> None:
    stranger = DeviceLog(
        name="dan/1",
        user="dan",
        session="c5",
        connected=False,
        sightings=[_seen(history.stored[1])],
    )
    history.devices.append(stranger)


def _send_after_removal(history: History) -> None:
    history.devices[3].wire.add((ROOM, 8))


def _gap_before_removal(history: History) -> None:
    del history.devices[3].sightings[1]  # saw 4, 6 and 7


def _write_after_removal(history: History) -> None:
    history.stored[7] = replace(history.stored[7], sender="cid", client_msg_id="bob-8")


def _see_what_is_not_stored(history: History) -> None:
    ghost = replace(history.devices[0].sightings[-1], seq=9)
    history.devices[0].sightings.append(ghost)


def _ghost_in_roster(history: History) -> None:
    history.rosters.append(RosterEntry(connection="ghost", user="bob", session="c9"))


def _missing_in_roster(history: History) -> None:
    del history.rosters[2]


def _twice_in_rosters(history: History) -> None:
    history.rosters.append(history.rosters[2])


def _stay_in_roster(history: History) -> None:
    history.left_behind = history.rosters[:1]


def _watch_wrongly(history: History) -> None:
    history.watches = [WatchView(device="ann/1", conversation=ROOM, online=frozenset())]


def _leak_descriptors(history: History) -> None:
    history.gauges = [Gauge(process="api-1", name="fds", before=30, after=90, slack=5)]


def _leave_pending(history: History) -> None:
    history.pending["p00:events"] = 3


def _give_up(history: History) -> None:
    history.dead["p00:dead"] = 1


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (_lose_stored, "lost", "ann-6"),
        (_store_twice, "repeated", "stored 2 times"),
        (_ack_wrong_seq, "disorder", "as seq 99 is stored as seq 2"),
        (_refuse_what_is_stored, "leaked", "is stored as seq 2"),
        (_alter_stored, "altered", "another text"),
        (_alter_seen, "altered", "ann/1 saw room seq 2 altered"),
        (_store_what_nobody_sent, "altered", "was never sent"),
        (_skip_one, "lost", "ann/2 in room never saw 5"),
        (_miss_the_end, "lost", "ann/2 in room never saw 8"),
        (_see_twice, "repeated", "ann/2 in room saw 4 more than once"),
        (_swap, "disorder", "ann/2 in room saw 3 after a later one"),
        (_see_before_joining, "leaked", "cid/1 in room saw 3"),
        (_see_after_removal, "leaked", "cid/1 in room saw 8"),
        (_see_as_stranger, "leaked", "dan/1 in room saw 2"),
        (_send_after_removal, "leaked", "cid/1 was sent room seq 8"),
        (_gap_before_removal, "lost", "cid/1 in room never saw 5"),
        (_write_after_removal, "leaked", "by cid, not a member"),
        (_see_what_is_not_stored, "altered", "seq 9: not stored"),
        (_ghost_in_roster, "presence", "ghost of bob is in a roster and is gone"),
        (_missing_in_roster, "presence", "bob/1 is in the rosters 0 times"),
        (_twice_in_rosters, "presence", "bob/1 is in the rosters 2 times"),
        (_stay_in_roster, "presence", "ann stayed when all had gone"),
        (_watch_wrongly, "presence", "bob as offline"),
        (_leak_descriptors, "resource", "30 before, 90 after"),
        (_leave_pending, "pending", "3 not confirmed"),
        (_give_up, "pending", "given up"),
    ],
)
def test_a_spoilt_history_is_named(spoil: Callable[[History], None], kind: str, words: str) -> None:
    history = _sound()
    spoil(history)
    findings = check(history)
    assert any(f.kind == kind and words in f.text for f in findings), findings


def test_a_message_of_unknown_fate_may_be_stored_or_not() -> None:
    history = _sound()
    history.sends[0] = replace(history.sends[0], outcome=Outcome.UNKNOWN, seq=0)
    never = _send(_message(50, "ann"), Outcome.UNKNOWN)
    history.sends.append(replace(never, client_msg_id="never-arrived"))
    assert check(history) == []


def test_a_device_that_was_behind_when_removed_may_miss_the_end() -> None:
    history = _sound()
    history.devices[3].sightings = [_seen(history.stored[3]), _seen(history.stored[6])]
    assert check(history) == []


def test_who_comes_back_sees_only_what_follows() -> None:
    history = _sound()
    back = StoredEvent(
        conversation=ROOM, seq=9, kind="members_added", sender="ann", at=AT, joined=("cid",)
    )
    history.stored.append(back)
    history.heads[ROOM] = 9
    for device in history.devices:
        device.sightings.append(_seen(back))
    # He is a member again, hence among those that the watcher is told of.
    history.watches = [
        WatchView(device="ann/1", conversation=ROOM, online=frozenset({"bob", "cid"}))
    ]
    assert check(history) == []
    history.devices[3].sightings.insert(4, _seen(history.stored[7]))
    assert [finding.kind for finding in check(history)] == ["leaked"]


def _with_deeds() -> History:
    """The same, with a thread, a mention, an edit, a reaction, a pin and a recall."""
    history = _sound()
    head = history.heads[ROOM]
    common: Any = {"conversation": ROOM, "at": AT}
    told = [
        ("message_edited", "ann", 2, "2"),
        ("reaction_added", "bob", 2, "+"),
        ("message_pinned", "bob", 2, ""),
        ("reaction_added", "ann", 3, "+"),
        ("message_recalled", "bob", 3, ""),
    ]
    new = [
        StoredEvent(seq=seq, kind=kind, sender=sender, target=target, detail=detail, **common)
        for seq, (kind, sender, target, detail) in enumerate(told, head + 1)
    ]
    history.stored += new
    history.heads[ROOM] = head + 5
    for device in history.devices:
        if device.user in ("ann", "bob"):
            device.sightings += [
                replace(_seen(event), target=event.target, detail=event.detail) for event in new
            ]
    history.deeds = [
        DeedRecord("ann", ROOM, Deed.EDIT, 2, "2"),
        DeedRecord("bob", ROOM, Deed.REACT, 2, "+"),
        DeedRecord("ann", ROOM, Deed.PIN, 2),
        DeedRecord("bob", ROOM, Deed.RECALL, 3),
    ]
    history.tables = Tables(
        reactions={(ROOM, 2, "+", "bob")}, pins={(ROOM, 2)}, recalls={(ROOM, 3)},
        versions={(ROOM, 2): 2},
    )  # fmt: skip
    return history


def test_deeds_that_are_as_told_pass() -> None:
    assert check(_with_deeds()) == []


def _spoilt_table(name: str) -> Callable[[History], None]:
    def spoil(history: History) -> None:
        getattr(history.tables, name).clear()

    return spoil


@pytest.mark.parametrize("name", ["reactions", "pins", "recalls", "versions"])
def test_tables_that_are_not_what_the_log_says_are_found(name: str) -> None:
    history = _with_deeds()
    _spoilt_table(name)(history)
    assert {finding.kind for finding in check(history)} == {"altered"}


@pytest.mark.parametrize("index", range(4))
def test_an_acknowledged_deed_without_an_event_is_found(index: int) -> None:
    history = _with_deeds()
    history.deeds[index] = replace(history.deeds[index], target=99)
    assert [finding.kind for finding in check(history)] == ["lost"]


def test_a_device_that_saw_another_deed_is_found() -> None:
    history = _with_deeds()
    sightings = history.devices[0].sightings
    last = next(i for i, one in enumerate(sightings) if one.kind == "reaction_added")
    sightings[last] = replace(sightings[last], detail="-")
    assert [finding.kind for finding in check(history)] == ["altered"]


def test_the_text_of_a_recalled_message_may_have_been_seen() -> None:
    history = _with_deeds()
    place = next(i for i, one in enumerate(history.stored) if one.seq == 3)
    history.stored[place] = replace(history.stored[place], text="gone", recalled=True)
    assert check(history) == []
    history.stored[place] = replace(history.stored[place], recalled=False)
    assert {finding.kind for finding in check(history)} == {"altered"}
