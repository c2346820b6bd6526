"""The ordering core: whatever order entries come in, events come out in theirs, once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.ordering import Gap, Ordering
from tests.dispatcher.support import event_of

HOLD_S = 0.2


def items(seqs: list[int], conversation: str = "c") -> list[tuple[object, int]]:
    return [(event_of(conversation, seq), index) for index, seq in enumerate(seqs)]


def seqs_of(ready: list[tuple[object, int]]) -> list[int]:
    return [event.seq for event, _ in ready]  # type: ignore[attr-defined]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    """Seqs 1 to n in any order with repeats, cut into reads."""
    n = draw(st.integers(1, 12))
    repeats = draw(st.lists(st.integers(1, n), max_size=12))
    order = draw(st.permutations([*range(1, n + 1), *repeats]))
    reads: list[list[int]] = [[]]
    for seq in order:
        if draw(st.booleans()):
            reads.append([])
        reads[-1].append(seq)
    return n, reads


@given(arrivals())
def test_any_order_with_repeats_comes_out_once_and_in_order(
    arrival: tuple[int, list[list[int]]],
) -> None:
    n, reads = arrival
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    ordering.offer(items([1]), 0.0)  # known from its beginning
    out: list[int] = [1]
    repeats = 0
    for read in reads:
        offered = ordering.offer(items(read), 0.0)
        out += seqs_of(offered.ready)
        repeats += len(offered.repeats)
    assert out == list(range(1, n + 1))
    assert repeats == sum(map(len, reads)) - (n - 1)
    assert ordering.gaps == 0


@given(arrivals())
def test_from_an_unknown_beginning_each_comes_out_once_and_each_read_in_order(
    arrival: tuple[int, list[list[int]]],
) -> None:
    n, reads = arrival
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    out: list[int] = []
    for read in reads:
        out += seqs_of(ordering.offer(items(read), 0.0).ready)
    assert Counter(out) == Counter(range(1, n + 1))
    first = next(read for read in reads if read)
    assert out[0] == min(first)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 8)), max_size=40))
def test_conversations_do_not_disturb_each_other(stream: list[tuple[str, int]]) -> None:
    together: Ordering[int] = Ordering(hold_s=HOLD_S)
    alone: dict[str, Ordering[int]] = {}
    out: dict[str, list[int]] = {name: [] for name in "abc"}
    expected: dict[str, list[int]] = {name: [] for name in "abc"}
    for name, seq in stream:
        for event, _ in together.offer([(event_of(name, seq), 0)], 0.0).ready:
            out[event.conversation].append(event.seq)
        single = alone.setdefault(name, Ordering(hold_s=HOLD_S))
        expected[name] += [
            event.seq for event, _ in single.offer([(event_of(name, seq), 0)], 0).ready
        ]
    assert out == expected


def test_a_gap_is_named_after_the_hold_and_once() -> None:
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    assert seqs_of(ordering.offer(items([1]), 0.0).ready) == [1]
    assert seqs_of(ordering.offer(items([4, 6]), 1.0).ready) == []
    assert ordering.overdue(1.0 + HOLD_S / 2) == []
    assert ordering.overdue(1.0 + HOLD_S) == [Gap("c", 2, 3)]
    assert ordering.overdue(9.0) == []
    ordering.ask_again("c", 10.0)
    assert ordering.overdue(10.0) == [Gap("c", 2, 3)]


def test_a_filled_gap_lets_go_what_was_held_and_names_the_next() -> None:
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    ordering.offer(items([1]), 0.0)
    ordering.offer(items([4, 6]), 0.0)
    assert seqs_of(ordering.offer(items([2, 3]), 1.0).ready) == [2, 3, 4]
    assert ordering.overdue(1.0 + HOLD_S) == [Gap("c", 5, 5)]
    assert seqs_of(ordering.offer(items([5]), 2.0).ready) == [5, 6]
    assert ordering.gaps == 0


def test_a_skipped_gap_goes_on_and_lets_late_ones_through_once() -> None:
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    ordering.offer(items([1]), 0.0)
    ordering.offer(items([4]), 0.0)
    assert seqs_of(ordering.skip(Gap("c", 2, 3), 1.0).ready) == [4]
    assert not ordering.waits(Gap("c", 2, 3))
    assert seqs_of(ordering.offer(items([3, 5]), 1.0).ready) == [3, 5]
    assert seqs_of(ordering.offer(items([3, 5]), 1.0).ready) == []


def test_a_retracted_event_comes_again() -> None:
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S)
    ordering.offer(items([5, 6, 7]), 0.0)
    ordering.offer(items([3]), 0.0)
    ordering.retract("c", 6)
    ordering.retract("c", 3)
    assert seqs_of(ordering.offer(items([3, 5, 6, 7]), 0.0).ready) == [3, 6]
    assert seqs_of(ordering.offer(items([3, 6]), 0.0).ready) == []


def test_what_was_quiet_longest_is_forgotten_but_never_what_waits() -> None:
    ordering: Ordering[int] = Ordering(hold_s=HOLD_S, conversations_max=2)
    ordering.offer(items([1], "waits"), 0.0)
    ordering.offer(items([3], "waits"), 0.0)
    ordering.offer(items([1], "quiet"), 0.0)
    ordering.offer(items([1], "busy"), 0.0)
    assert len(ordering) == 2
    assert seqs_of(ordering.offer(items([2], "waits"), 0.0).ready) == [2, 3]
    assert seqs_of(ordering.offer(items([1], "quiet"), 0.0).ready) == [1]  # as if new
