import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from analysis.statistics.power import power, seeds_needed, smallest_detectable
from analysis.statistics.variance import TwoWay, two_way

ORACLE = TTestPower()


def seeds_only(sd: float, seeds: int, questions: int = 10**7) -> TwoWay:
    return TwoWay(0.0, questions * sd**2, 0.0, 0.0, seeds, questions)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("difference", [0.0, 0.002, 0.01, 0.02])
def test_power_agrees_with_statsmodels(seeds: int, difference: float) -> None:
    expected = ORACLE.power(difference / 0.01, seeds, 0.05, alternative="two-sided")
    assert power(difference, seeds_only(0.01, seeds), 0.05) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seeds", [3, 5, 10, 40])
def test_the_smallest_detectable_difference_agrees_with_statsmodels(seeds: int) -> None:
    expected = ORACLE.solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided") * 0.01
    assert smallest_detectable(seeds_only(0.01, seeds), 0.05) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("difference", [0.004, 0.01, 0.03])
def test_the_seeds_needed_agree_with_statsmodels(difference: float) -> None:
    exact = ORACLE.solve_power(effect_size=difference / 0.01, alpha=0.05, power=0.8, alternative="two-sided")
    assert seeds_needed(difference, seeds_only(0.01, 5), 0.05) == math.ceil(exact)


@pytest.mark.parametrize("level", [0.05, 0.05 / 40])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_smallest_detectable_difference_is_found_with_the_wanted_chance(seeds: int, level: float) -> None:
    rng = np.random.default_rng(seeds)
    parts = two_way(rng.normal(0, 0.1, (seeds, 150)) + rng.normal(0, 0.01, (seeds, 1)))
    found = smallest_detectable(parts, level)
    assert found is not None
    assert power(found, parts, level) == pytest.approx(0.8, abs=1e-4)
    assert (smallest_detectable(parts, level / 10) or 0) > found


def test_no_number_of_seeds_makes_up_for_too_few_questions() -> None:
    parts = two_way(np.tile(np.random.default_rng(0).normal(0, 0.1, 50), (5, 1)))
    assert seeds_needed(0.005, parts, 0.05) is None
    assert seeds_needed(0.5, parts, 0.05) == 2


def test_without_spread_everything_is_found() -> None:
    parts = two_way(np.full((5, 10), 0.01))
    assert smallest_detectable(parts, 0.05) == 0
    assert seeds_needed(0.001, parts, 0.05) == 2
    assert (power(0.001, parts, 0.05), power(0.0, parts, 0.05)) == (1, 0)


def test_two_seeds_are_too_few_to_plan_with() -> None:
    parts = two_way(np.random.default_rng(1).normal(0, 0.1, (2, 150)))
    assert smallest_detectable(parts, 0.05) is None
    assert seeds_needed(0.005, parts, 0.05) is None
    assert smallest_detectable(two_way(np.full((2, 10), 0.01)), 0.05) is None


@pytest.mark.parametrize(("sd", "found"), [(0.01, True), (0.5, False)])
def test_no_difference_beyond_the_range_of_the_metric_is_detectable(sd: float, found: bool) -> None:
    parts = seeds_only(sd, 3)
    unbounded = smallest_detectable(parts, 0.05)
    assert unbounded is not None
    assert (unbounded <= 1) == found
    assert smallest_detectable(parts, 0.05, largest=1.0) == (unbounded if found else None)
