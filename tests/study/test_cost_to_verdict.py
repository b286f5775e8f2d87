"""The pieces of benchmarks/cost_to_verdict.py do what it says of them."""

import pytest
from scipy import stats

from analysis.statistics.sequential import FIRST_LOOK
from benchmarks.cost_to_verdict import (
    CASE,
    HALVING,
    MEASURED,
    Judged,
    equals,
    levels_that_hold,
    means,
    of_equals,
    ours,
    pairs_at,
    pairs_of,
    searched_again,
    stock,
    welch,
    with_seeds,
)
from study.plan.program import StudyPlan
from tests.study.planted import SETTINGS, SPACE, Planted, of_world, study_without_ray


def test_two_arms_of_one_training_are_told_apart_at_the_level_of_the_t_test() -> None:
    (config, *_) = StudyPlan(SPACE, SETTINGS).first_configs
    worlds = 600
    found = []
    for world in range(worlds):
        runs = means(Planted(CASE, world), with_seeds(config, 10))
        found.append(welch(runs[:5], runs[5:]))
    wrong = sum(verdict != "not separable" for verdict in found)
    assert stats.binom.cdf(wrong, worlds, 0.05) > 0.001
    assert stats.binom.sf(wrong - 1, worlds, 0.05) > 0.001
    assert set(found) == {"better", "worse", "not separable"}


def test_pairs_are_those_of_all_trainings() -> None:
    planted = Planted(CASE, 1, gain=0.02)
    of_one = pairs_of(StudyPlan(SPACE, SETTINGS).first_configs[0])
    assert of_one == 40 * 8
    study = ours(planted, SETTINGS, 5)
    for seeds in (3, 5):
        assert stock(planted, 5, asha=False)[str(seeds)].pairs == (16 + 2 * seeds) * of_one
    # Two constants and two families, of which the best are two: no more than four trainings differ.
    others = (study["all arms", "5"].pairs - 16 * of_one) // (5 * of_one) - 2
    assert others in (1, 2)
    assert study["other seeds 1", "5"].pairs == (16 + 2 * 5 + others) * of_one
    added = study["all arms", "3 to 5"].pairs - study["other seeds 1", "3 to 5"].pairs
    assert added == others * (FIRST_LOOK - 1) * of_one
    assert study["all arms", "3 to 5"].pairs in [(16 + 3 * others + 2 * n) * of_one for n in (3, 4, 5)]
    assert stock(planted, 5, asha=True)["5"].pairs < stock(planted, 5, asha=False)["5"].pairs
    assert searched_again(planted, SETTINGS)["3"].pairs == 3 * (16 + 2) * of_one
    assert ours(planted, HALVING, 5)["all arms", "5"].pairs < study["all arms", "5"].pairs


@pytest.mark.parametrize("world", range(3))
def test_the_verdict_is_that_of_a_whole_study(world: int) -> None:
    planted = Planted(CASE, world, gain=0.02)
    whole = study_without_ray(planted, SPACE, SETTINGS)
    found = ours(planted, SETTINGS, SPACE.seeds)["all arms", str(SPACE.seeds)]
    assert (found.verdict, found.true_difference) == (whole.verdicts["overall"], whole.true_difference)
    assert of_world(SETTINGS, planted).search_seed == SETTINGS.search_seed + world


@pytest.mark.slow
def test_equal_trainings_are_told_apart_at_the_stated_rate_by_who_takes_questions_for_a_sample() -> None:
    worlds = 150
    found: dict[tuple[str, str], int] = {}
    for world in range(worlds):
        for method, verdict in of_equals(Planted(CASE, world, 0.0, MEASURED), 10).items():
            found[method] = found.get(method, 0) + (verdict in ("better", "worse"))
    for method in (("ours", "3"), ("ours", "5"), ("ours", "10"), ("ours", "3 to 5"), ("ours", "3 to 10")):
        assert stats.binom.sf(found[method] - 1, worlds, 0.05) > 0.001, method
    assert stats.binom.sf(found["stock", "10"] - 1, worlds, 0.05) < 0.001


def test_at_the_level_that_holds_the_t_test_tells_equal_trainings_apart_in_5_of_100_worlds() -> None:
    worlds, most = 100, 10
    levels = levels_that_hold(worlds, most)
    assert set(levels) == {3, 5, 10}
    assert levels[10] < 0.05
    low, high = equals()
    wrong = 0
    for world in range(worlds):
        planted = Planted(CASE, world, 0.0, MEASURED)
        assert planted.truth(low) == pytest.approx(planted.truth(high), abs=1e-12)
        one, other = means(planted, with_seeds(low, most)), means(planted, with_seeds(high, most, most))
        wrong += welch(one, other, levels[10]) != "not separable"
    assert wrong == 5


def test_a_verdict_is_wrong_where_the_truth_contradicts_it() -> None:
    wrong = {
        (verdict, true)
        for verdict in ("better", "worse", "equivalent", "not separable")
        for true in (-0.01, 0.0, 0.001, 0.01)
        if Judged(verdict, 0, true).is_wrong
    }
    assert wrong == {
        ("better", -0.01),
        ("better", 0.0),
        ("worse", 0.0),
        ("worse", 0.001),
        ("worse", 0.01),
        ("equivalent", -0.01),
        ("equivalent", 0.01),
    }


def test_pairs_at_a_power_lie_between_those_of_the_seeds_around_it() -> None:
    points = [(0.2, 100.0), (0.6, 200.0), (1.0, 400.0)]
    assert pairs_at(0.8, points) == pytest.approx(300)
    assert pairs_at(0.1, points) == "at most 100"
    assert pairs_at(0.8, points[:2]) == "more than 200"
