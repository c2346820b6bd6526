"""How long clients wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agileim.backoff import BASE_S, CAP_S, Backoff


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_between_zero_and_its_bound(failures: int, random: float) -> None:
    backoff = Backoff(rng=lambda: random)
    backoff.failures = failures
    bound = backoff.bound()
    assert bound == min(CAP_S, BASE_S * 2.0**failures)
    assert 0 <= backoff.next() <= bound


def test_success_starts_anew_and_overload_starts_high() -> None:
    backoff = Backoff(rng=lambda: 1.0)
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next() == 0.5
    assert backoff.next(at_least_failures=4) == 8
