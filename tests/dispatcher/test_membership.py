"""The member list gives exactly those who were members at each event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.membership import FORMER_MAX, MemberCache, Members
from shared.internal import Membership, MembersReply

USERS = ["u1", "u2", "u3", "u4"]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[str], list[str]]]:
    """Who joins and leaves at seq 1, 2, …; each user joins and leaves at most once."""
    fate = {
        user: (draw(st.integers(1, 10)), draw(st.none() | st.integers(0, 10))) for user in USERS
    }
    log: list[tuple[list[str], list[str]]] = [([], []) for _ in range(10)]
    for user, (first, stay) in fate.items():
        log[first - 1][0].append(user)
        if stay is not None and stay > 0 and first + stay <= 10:
            log[first + stay - 1][1].append(user)
    return log


def intervals(log: list[tuple[list[str], list[str]]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for seq, (joined, left) in enumerate(log, 1):
        found |= dict.fromkeys(joined, (seq, 10**9))
        found |= {user: (found[user][0], seq) for user in left}
    return found


def reply(log: list[tuple[list[str], list[str]]], as_of: int, from_seq: int) -> MembersReply:
    """What api answers after ``as_of`` events."""
    members = [
        Membership(user, first, left if left <= as_of else None)
        for user, (first, left) in intervals(log).items()
        if first <= as_of and (left > as_of or left >= from_seq)
    ]
    return MembersReply(as_of, members)


@given(histories(), st.integers(0, 10), st.integers(1, 10))
def test_recipients_are_exact_wherever_the_list_was_loaded(
    log: list[tuple[list[str], list[str]]], as_of: int, from_seq: int
) -> None:
    members = Members(reply(log, as_of, from_seq), from_seq)
    exact = intervals(log)
    checked = 0
    for seq in range(from_seq, 11):
        if not members.covers(seq):
            continue
        members.apply(seq, *log[seq - 1])
        expected = {user for user, (first, left) in exact.items() if first <= seq <= left}
        assert set(members.at(seq)) == expected
        if members.whole_at(seq):
            assert set(members.current) == expected
        checked += 1
    if from_seq <= as_of + 1:
        assert checked == 11 - from_seq


def test_missed_events_are_noticed() -> None:
    members = Members(MembersReply(5, [Membership("u1", 1)]), 3)
    assert not members.covers(2)  # who left before 3 is unknown
    assert members.covers(3)
    assert members.covers(6)
    assert not members.covers(7)  # 6 might have changed the members
    members.apply(6, [], [])
    assert members.covers(7)


def test_list_for_signals_serves_events_from_its_head_on_only() -> None:
    members = Members(MembersReply(5, [Membership("u1", 1)]), 2**53 - 1)
    assert not members.covers(5)
    assert members.covers(6)


def test_former_members_are_bounded_and_so_are_the_events_they_matter_for() -> None:
    members = Members(MembersReply(0, []), 1)
    for number in range(2 * FORMER_MAX):
        members.apply(2 * number + 1, [f"u{number}"], [])
        members.apply(2 * number + 2, [], [f"u{number}"])
    assert len(members) <= FORMER_MAX
    assert not members.covers(2)
    last = 4 * FORMER_MAX
    assert members.covers(last)
    assert set(members.at(last)) == {f"u{2 * FORMER_MAX - 1}"}


def test_cache_gives_up_what_was_unused_longest() -> None:
    def list_of(number: int) -> Members:
        return Members(MembersReply(1, [Membership(f"u{n}", 1) for n in range(number)]), 1)

    cache = MemberCache(memberships_max=10)
    assert cache.put("a", list_of(4)) == []
    assert cache.put("b", list_of(4)) == []
    assert cache.get("a") is not None
    assert cache.put("c", list_of(4)) == ["b"]
    assert cache.get("b") is None
    assert cache.memberships == 8
    assert cache.put("huge", list_of(50)) == ["a", "c"]  # one is kept, however large
    assert cache.get("huge") is not None
    cache.drop("huge")
    assert (len(cache), cache.memberships) == (0, 0)


def test_when_everybody_goes_at_once_the_event_that_says_so_is_for_all() -> None:
    crowd = [f"user {number}" for number in range(FORMER_MAX * 3)]
    members = Members(MembersReply(1, [Membership(user, 1) for user in crowd]), 1)
    members.apply(2, [], crowd)
    assert set(members.at(2)) == set(crowd)
    members.apply(3, ["late"], [])
    members.apply(4, [], ["late"])
    assert set(members.at(4)) == {"late"}
