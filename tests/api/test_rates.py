"""How often one may call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.api.rates import Rate, Rates
from services.api.settings import ApiSettings
from shared.codes import ErrorCode
from shared.limits import REQUESTS_BURST, SEARCHES_BURST, SEARCHES_PER_S
from shared.problems import Problem
from tests.api.rig import running_api
from tests.support.tokens import TestIssuer


def allowed(rates: Rates, user: str, rate: Rate, tries: int) -> int:
    """How many of so many calls are let through."""
    through = 0
    for _ in range(tries):
        try:
            rates.take(user, rate)
        except Problem:
            continue
        through += 1
    return through


def test_a_burst_then_so_many_a_second() -> None:
    now = 1000.0
    rates = Rates(clock=lambda: now)
    assert allowed(rates, "ada", Rate.SEARCH, 100) == SEARCHES_BURST
    now += 3.0
    assert allowed(rates, "ada", Rate.SEARCH, 100) == 3 * SEARCHES_PER_S
    now += 3600.0
    assert allowed(rates, "ada", Rate.SEARCH, 100) == SEARCHES_BURST


def test_people_and_kinds_do_not_take_from_each_other() -> None:
    rates = Rates(clock=lambda: 1000.0)
    assert allowed(rates, "ada", Rate.SEARCH, 100) == SEARCHES_BURST
    assert allowed(rates, "bob", Rate.SEARCH, 1) == 1
    assert allowed(rates, "ada", Rate.READ, 1) == 1


def test_the_refusal_tells_when_it_is_worth_trying_again() -> None:
    now = 1000.0
    refused: list[str] = []
    rates = Rates(clock=lambda: now, on_refused=refused.append)
    allowed(rates, "ada", Rate.ASK, REQUESTS_BURST)
    with pytest.raises(Problem) as problem:
        rates.take("ada", Rate.ASK)
    assert problem.value.code is ErrorCode.RATE_LIMITED
    now += problem.value.retry_after_ms / 1000
    rates.take("ada", Rate.ASK)
    assert refused == ["ask"]


def test_the_factor_widens_all_and_zero_ends_it() -> None:
    assert allowed(Rates(2.0, clock=lambda: 1.0), "ada", Rate.SEARCH, 500) == 2 * SEARCHES_BURST
    assert allowed(Rates(0.0, clock=lambda: 1.0), "ada", Rate.SEARCH, 500) == 500


async def test_too_many_calls_are_answered_429_with_the_time_to_wait(
    settings: ApiSettings, issuer: TestIssuer
) -> None:
    async with running_api(replace(settings, rate_factor=1.0), issuer) as api:
        ada, bob = await api.people(2)
        refused = None
        for _ in range(SEARCHES_BURST + 20):
            answer = await ada.call("GET", "/v1/people", params={"q": "somebody"})
            if answer.status == 429:
                refused = answer
                break
        assert refused is not None
        assert refused.refusal[:2] == (429, "rate_limited")
        assert 0 < refused.json["retry_after_ms"] <= 1000
        assert refused.headers["Retry-After"] == "1"
        assert (await ada.call("GET", "/v1/me")).status == 200
        assert (await bob.call("GET", "/v1/people", params={"q": "somebody"})).status == 200
