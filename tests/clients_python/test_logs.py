"""The logs under everything that a network can do to events: any order, repeats, losses."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agileim.frames import Event
from agileim.log import BUFFER_MAX, ConversationLog
from agileim.logs import FETCH_MAX, Fetch, Logs, Position
from agileim.models import Conversation, EventPage, SyncPage

TIME = datetime(2026, 1, 5, tzinfo=UTC)


def event(seq: int, conversation: str = "c") -> Event:
    return Event(conversation, seq, "message", "bob", TIME, seq, {"text": str(seq)})


def page(fetch: Fetch, head: int) -> EventPage:
    last = min(head, fetch.after_seq + fetch.limit)
    events = [event(seq, fetch.conversation) for seq in range(fetch.after_seq + 1, last + 1)]
    return EventPage(events, head, 1)


@given(st.lists(st.integers(1, 30)), st.integers(0, 10))
def test_a_log_hands_on_each_event_once_and_in_order(arrivals: list[int], start: int) -> None:
    log = ConversationLog(start)
    handed = [e.seq for seq in arrivals for e in log.offer(event(seq), room=1000)]
    assert handed == list(range(start + 1, start + 1 + len(handed)))
    # Everything up to the first one that never came.
    missing = next(seq for seq in range(start + 1, 100) if seq not in arrivals)
    assert len(handed) == missing - start - 1


@given(st.lists(st.integers(1, 10_000), max_size=500))
def test_a_log_keeps_the_lowest_events_within_its_bound(arrivals: list[int]) -> None:
    log = ConversationLog(0)
    for seq in arrivals:
        log.offer(event(seq), room=0)
        assert log.buffered <= BUFFER_MAX
    kept = sorted(set(arrivals))[:BUFFER_MAX]
    assert log.lowest_held() == (kept[0] if kept else None)


@given(st.data())
def test_whatever_arrives_in_the_end_everything_is_handed_on_once(data: st.DataObject) -> None:
    """Random live events, fetches that fail or are answered late, a consumer that takes little by
    little; the window is never exceeded, and after the storm nothing is missing."""
    head = data.draw(st.integers(1, 60))
    window = data.draw(st.integers(1, 20))
    logs = Logs({"c": Position(0, 0)}, fresh=False, window=window, rng=lambda: 0.5)
    handed: list[int] = []
    flying: list[Fetch] = []
    taken = 0
    now = 0.0
    for step in data.draw(st.lists(st.sampled_from(["live", "take", "fetch", "fail", "answer"]))):
        now += 0.2
        match step:
            case "live":
                seq = data.draw(st.integers(1, head))
                handed += [e.seq for e in logs.live(event(seq), now)]
            case "take" if taken < len(handed):
                taken += 1
                handed += [e.seq for e in logs.taken(1)]
            case "fetch":
                flying += logs.due(now)
            case "fail" if flying:
                logs.fetch_failed(flying.pop().conversation, now)
            case "answer" if flying:
                fetch = flying.pop()
                handed += [e.seq for e in logs.fetched("c", page(fetch, head), now)]
        assert len(handed) - taken <= window
    for fetch in flying:
        logs.fetch_failed(fetch.conversation, now)
    logs.head("c", head, now)
    for _ in range(500):
        now += 40
        count = len(handed) - taken
        taken += count
        handed += [e.seq for e in logs.taken(count)]
        for fetch in logs.due(now):
            handed += [e.seq for e in logs.fetched("c", page(fetch, head), now)]
    assert handed == list(range(1, head + 1))


def test_requests_are_bounded_in_size_and_number() -> None:
    many = {f"c{n}": Position(0, 5_000) for n in range(50)}
    logs = Logs(many, fresh=False, window=1000, rng=lambda: 0.5)
    fetches = logs.due(0.0)
    assert len(fetches) == 4
    assert max(fetch.limit for fetch in fetches) <= FETCH_MAX
    assert logs.due(0.0) == []


def test_a_conversation_seen_before_its_sync_waits_for_it_and_is_forgotten_if_left() -> None:
    logs = Logs(fresh=False, window=100, rng=lambda: 0.5)
    assert logs.live(event(5, "new"), 0.0) == []
    assert logs.unplaced
    logs.sync_asked()
    assert logs.live(event(9, "newer"), 0.1) == []  # after the sync was asked for: stays
    logs.synced(SyncPage("k"), 0.2)
    assert logs.unplaced
    assert logs.position("new") is None
    logs.sync_asked()
    merged = logs.synced(
        SyncPage("k", conversations=[Conversation("newer", head_seq=9, first_seq=9)]), 0.3
    )
    assert [e.seq for e in merged.events] == [9]
    assert merged.placed == {"newer": 8}
    assert not logs.unplaced
