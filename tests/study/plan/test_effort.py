"""Both roles of a comparison are the best of equally many trials."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.registry import space
from search_spaces.space import Role
from study.plan.effort import effort
from study.plan.program import StudyPlan
from study.settings import StudySettings

STRATEGY = st.tuples(st.just("strategy"), st.sampled_from([(), ("rate",)]))
STATIC = st.tuples(st.just("static"), st.sampled_from([("ratio.value",), ("ratio.value", "rate")]))
DYNAMIC = st.tuples(st.just("dynamic"), st.sampled_from([("ratio.start", "rate"), ("ratio.end",)]))


@given(st.lists(st.one_of(STRATEGY, STATIC, DYNAMIC), min_size=1, max_size=9), st.integers(1, 12))
def test_what_can_be_searched_makes_up_for_what_a_side_lacks(
    kinds: list[tuple[Role, tuple[str, ...]]], trials: int
) -> None:
    branches = [(str(number), role, searched) for number, (role, searched) in enumerate(kinds)]
    found = effort(branches, trials, ("best dynamic", "best static"))
    totals = Counter(role == "dynamic" for name, role, _ in branches for _ in range(found[name]))
    assert all(found[name] >= (trials if searched else 1) for name, _, searched in branches)
    assert all(found[name] == 1 for name, _, searched in branches if not searched)
    if len(totals) < 2:
        assert all(found[name] == (trials if searched else 1) for name, _, searched in branches)
        return
    lesser = min(totals, key=totals.__getitem__)
    if any(searched for _, role, searched in branches if (role == "dynamic") == lesser):
        assert totals[True] == totals[False]


def test_a_question_about_one_branch_gives_all_the_same() -> None:
    branches: list[tuple[str, Role, tuple[str, ...]]] = [
        ("X-Y", "strategy", ("rate",)),
        ("static", "static", ("ratio.value",)),
        ("linear", "dynamic", ("rate",)),
    ]
    for question in (("linear", "best static"), ("best static", "X-Y"), None):
        assert effort(branches, 4, question) == {"X-Y": 4, "static": 4, "linear": 4}


@pytest.mark.parametrize(("name", "each"), [("dynamic_vs_static", 21), ("closed_loop", 24)])
def test_best_dynamic_and_best_static_are_the_best_of_equally_many_trials(name: str, each: int) -> None:
    plan = StudyPlan(space(name), StudySettings(space=name))
    of_roles = {
        moves: sum(b.trials for b in plan.branches if (b.role == "dynamic") is moves and b.role != "control")
        for moves in (True, False)
    }
    assert of_roles == {True: each, False: each}
    # The searched constant makes up for it; strategies and families are alike.
    assert len({b.trials for b in plan.branches if b.role != "static"}) == 1


def test_a_grid_is_as_long_as_it_is() -> None:
    plan = StudyPlan(space("static_ratio"), StudySettings(space="static_ratio"))
    assert {b.branch: b.trials for b in plan.branches}["static"] == 11
