"""Seeds that find a difference: the inverse of what reports call detectable, and kept by studies that are simulated."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from analysis.statistics.comparison import LEVEL
from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Panel
from analysis.statistics.planning import Known, detectable_with, pooled, seeds_to_find
from analysis.statistics.power import smallest_detectable

QUESTIONS = 60


def panel(seeds: int, number: int, *, questions: int = QUESTIONS, sd: float = 0.02) -> Panel:
    """Two arms without a difference: what both find hard, what one finds hard, luck of a seed, and a rest."""
    rng = np.random.default_rng(number)
    own = rng.normal(0, 0.05, (2, 1, questions)) + rng.normal(0, sd, (2, seeds, 1))
    values = 0.5 + rng.normal(0, 0.2, (1, 1, questions)) + own + rng.normal(0, 0.05, (2, seeds, questions))
    return Panel(("new", "old"), tuple(range(seeds)), tuple(map(str, range(questions))), values)


def only_seeds(sd: float, freedom: float) -> Known:
    """Two arms of which nothing but the seeds is uncertain, in units of a single question."""
    return Known(np.array([sd**2, sd**2]) * 1e6, freedom, 0.0, 0.0, 1_000_000)


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_plan_for_as_many_seeds_again_promises_what_the_report_does(number: int, level: float) -> None:
    found = panel(5, number)
    weights = found.weights({"new": 1.0, "old": -1.0})
    reported = smallest_detectable(found.spread(weights, is_alone=level >= LEVEL), 5, level)
    assert reported is not None
    assert detectable_with(5, pooled([found]), level) == pytest.approx(reported[0], rel=1e-9)


@pytest.mark.parametrize("difference", [0.01, 0.02, 0.04])
def test_with_well_known_variances_the_seeds_are_those_of_statsmodels(difference: float) -> None:
    found = seeds_to_find(difference, only_seeds(0.02, 1e6))
    # 1,024 points, not an integral: one seed more or less.
    assert found is not None
    exact = TTestIndPower().solve_power(difference / 0.02, alpha=LEVEL, power=0.8)
    assert found == pytest.approx(max(3, np.ceil(exact)), abs=1)


def test_the_number_of_seeds_is_the_fewest_that_find_the_difference() -> None:
    known = pooled([panel(5, 0)])
    needed = seeds_to_find(0.03, known)
    assert needed is not None
    assert needed > 3
    assert detectable_with(needed, known) <= 0.03 < detectable_with(needed - 1, known)


def test_what_is_known_from_few_seeds_costs_more_seeds() -> None:
    needed = [seeds_to_find(0.02, only_seeds(0.02, freedom)) for freedom in (2.0, 4.0, 16.0, 1e6)]
    assert needed == sorted(needed, key=lambda n: -(n or 0))
    assert needed[0] != needed[-1]


def test_a_larger_difference_and_a_looser_level_never_need_more_seeds() -> None:
    known = pooled([panel(5, 1), panel(4, 2)])
    by_difference = [seeds_to_find(difference, known) or 1_001 for difference in (0.005, 0.01, 0.02, 0.05, 0.2)]
    assert by_difference == sorted(by_difference, reverse=True)
    assert by_difference[-1] == 3
    by_level = [seeds_to_find(0.03, known, level) or 1_001 for level in (0.05, 0.02, 0.005)]
    assert by_level == sorted(by_level)


def test_no_number_of_seeds_makes_up_for_too_few_questions() -> None:
    assert seeds_to_find(0.005, pooled([panel(5, 0, questions=20)])) is None


def test_studies_are_pooled_by_their_degrees_of_freedom_and_questions_count_once() -> None:
    one, other = panel(3, 0), panel(6, 1)
    found = pooled([one, other])
    assert found.seed_freedom == 2 + 5
    assert found.seeds == pytest.approx((2 * one.own_seed_squares + 5 * other.own_seed_squares) / 7)
    assert found.n_questions == QUESTIONS
    # Two studies of the same numbers say nothing new but degrees of freedom.
    twice = pooled([one, one])
    assert twice.seeds == pytest.approx(pooled([one]).seeds)
    assert twice.question == pytest.approx(pooled([one]).question)


def test_two_seeds_tell_too_little_and_other_questions_do_not_mix() -> None:
    with pytest.raises(StatisticsError, match="3 seeds"):
        pooled([panel(2, 0)])
    with pytest.raises(StatisticsError, match="3 seeds"):
        pooled([])
    with pytest.raises(StatisticsError, match="different questions"):
        pooled([panel(3, 0), panel(3, 0, questions=30)])


@pytest.mark.nightly
@pytest.mark.parametrize("pilot_seeds", [3, 5])
def test_the_study_that_was_planned_finds_the_difference_in_four_of_five_cases(pilot_seeds: int) -> None:
    """A pilot plans, another study of the planned size is run: only seeds vary, so that both are Welch's t tests."""
    rng = np.random.default_rng(pilot_seeds)
    found = []
    for _ in range(400):
        squares = 0.02**2 * rng.chisquare(pilot_seeds - 1, 2) / (pilot_seeds - 1)
        known = Known(squares * 1e6, pilot_seeds - 1.0, 0.0, 0.0, 1_000_000)
        seeds = seeds_to_find(0.02, known)
        assert seeds is not None
        arms = rng.normal([[0.02], [0.0]], 0.02, (2, seeds))
        found.append(stats.ttest_ind(*arms, equal_var=False).pvalue < LEVEL)
    # 400 studies: standard error .02.
    assert 0.74 <= np.mean(found) <= 0.86
