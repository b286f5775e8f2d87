"""A budget counts the next trial in: what is started never goes beyond it, and what it allows is started."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.plan.budget import Budget, budget_of, parse_duration
from study.settings import StudySettings
from trainables.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2.5h", 9000), ("3d", 259200), (" 1 h ", 3600), ("0.5s", 0.5)],
)
def test_a_time_is_read_in_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["5", " 0.5 ", "0", "90"])
def test_a_number_alone_is_asked_for_its_unit(text: str) -> None:
    with pytest.raises(UserError, match=rf"has no unit: write {text.strip()}s, {text.strip()}m, .* for seconds"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "0s", "0m", "-5m", "m", "1h30m", "5 minutes", "1e3", "nan", "inf", "1,5h", "5M"])
def test_what_is_no_time_is_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match=r"--time-budget .*: must be a time above zero"):
        parse_duration(text)


@given(st.integers(1, 200), st.integers(1, 50))
def test_as_many_trials_are_started_as_the_budget_has(limit: int, wanted: int) -> None:
    budget = Budget(trials=limit)
    started = 0
    while started < wanted and budget.reached(started + 1, 0) is None:
        started += 1
    assert started == min(limit, wanted)


@given(st.integers(1, 10_000), st.lists(st.integers(1, 500), max_size=40))
def test_no_trial_is_started_that_would_break_the_pair_budget(limit: int, costs: list[int]) -> None:
    budget = Budget(pairs=limit)
    spent = 0
    for cost in costs:
        if budget.reached(1, spent + cost) is not None:
            assert spent + cost > limit
            break
        spent += cost
    else:
        assert spent == sum(costs)
    assert spent <= limit


def test_the_limit_that_is_reached_is_named() -> None:
    assert Budget().reached(10**9, 10**9) is None
    assert Budget(trials=3).reached(4, 0) == "trial budget"
    assert Budget(pairs=3).reached(1, 4) == "pair budget"
    assert Budget(deadline=time.monotonic() - 1).reached(0, 0) == "time budget"
    assert Budget(deadline=time.monotonic() + 1000).reached(10**9, 10**9) is None


def test_the_settings_become_limits_from_now_on() -> None:
    before = time.monotonic()
    budget = budget_of(StudySettings(time_budget="2h", trial_budget=7, pair_budget=900))
    assert budget.deadline is not None
    assert before + 7200 <= budget.deadline <= time.monotonic() + 7200
    assert (budget.trials, budget.pairs) == (7, 900)
    assert budget_of(StudySettings()) == Budget()
