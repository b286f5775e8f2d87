"""The pieces of benchmarks/cost_to_verdict.py do what it says of them."""

import pytest
from scipy import stats

from benchmarks.cost_to_verdict import (
    CASE,
    HALVING,
    Judged,
    means,
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
        assert study["two arms", str(seeds)].pairs == (16 + 2 * seeds) * of_one
        assert stock(planted, 5, asha=False)[str(seeds)].pairs == (16 + 2 * seeds) * of_one
    # Two constants and two families, of which the best are two: no more than four trainings differ.
    others = study["all arms", "5"].pairs - study["two arms", "5"].pairs
    assert others in (1 * 5 * of_one, 2 * 5 * of_one)
    assert stock(planted, 5, asha=True)["5"].pairs < stock(planted, 5, asha=False)["5"].pairs
    assert searched_again(planted, SETTINGS)["3"].pairs == 3 * (16 + 2) * of_one
    assert ours(planted, HALVING, 5)["two arms", "5"].pairs < study["two arms", "5"].pairs


@pytest.mark.parametrize("world", range(3))
def test_the_verdict_is_that_of_a_whole_study(world: int) -> None:
    planted = Planted(CASE, world, gain=0.02)
    whole = study_without_ray(planted, SPACE, SETTINGS)
    found = ours(planted, SETTINGS, SPACE.seeds)["all arms", str(SPACE.seeds)]
    assert (found.verdict, found.true_difference) == (whole.verdicts["overall"], whole.true_difference)
    assert of_world(SETTINGS, planted).search_seed == SETTINGS.search_seed + world


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
