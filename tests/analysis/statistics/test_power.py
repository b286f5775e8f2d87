"""What could have been found, against statsmodels and against studies that are run again."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from analysis.statistics.estimate import Estimate
from analysis.statistics.panel import Components
from analysis.statistics.power import power, seeds_needed, smallest_detectable
from analysis.statistics.spread import Spread

ORACLE = TTestPower()


def of_seeds(sd: float, seeds: int) -> Estimate:
    """A mean of which nothing but the seeds is uncertain."""
    return Estimate(0.0, sd / math.sqrt(seeds), seeds - 1.0)


def spread_of_seeds(sd: float, seeds: int) -> Spread:
    """The same as mean squares."""
    return Spread(np.array([sd**2 / seeds]), np.zeros(1), seeds - 1.0, 0.0, 0.0, 1.0, 0.0, 1.0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("difference", [0.0, 0.002, 0.01, 0.02])
def test_power_agrees_with_statsmodels(seeds: int, difference: float) -> None:
    expected = ORACLE.power(difference / 0.01, seeds, 0.05, alternative="two-sided")
    assert power(difference, 0.01 / math.sqrt(seeds), seeds - 1, 0.05) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seeds", [3, 5, 10, 40])
def test_with_a_known_error_the_smallest_difference_would_be_that_of_statsmodels(seeds: int) -> None:
    """The bounds of the interval are the difference at a known error, times the bounds of that error."""
    exact = ORACLE.solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided") * 0.01
    found = smallest_detectable(spread_of_seeds(0.01, seeds), seeds, 0.05)
    assert found is not None
    size, (low, high) = found
    low_error, high_error = (math.sqrt((seeds - 1) / stats.chi2.isf(tail, seeds - 1)) for tail in (0.025, 0.975))
    # 1,024 points of the unit cube instead of an integral.
    assert low == pytest.approx(exact * low_error, rel=0.02)
    assert high == pytest.approx(exact * high_error, rel=0.02)
    # That the error is an estimate asks for more than the difference at that error, by less and less.
    assert exact < size < high
    assert size / exact == pytest.approx(1, abs={3: 1.0, 5: 0.45, 10: 0.2, 40: 0.05}[seeds])


@pytest.mark.parametrize("level", [0.05, 0.05 / 40])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_next_study_finds_the_promised_difference_in_four_of_five_cases(seeds: int, level: float) -> None:
    """One study promises, another one is run with a true difference of that size."""
    rng = np.random.default_rng(seeds)
    unit = smallest_detectable(spread_of_seeds(1.0, seeds), seeds, level)
    assert unit is not None
    promised = unit[0] * rng.normal(0, 1, (100_000, seeds)).std(axis=1, ddof=1)
    other = promised[:, None] + rng.normal(0, 1, (100_000, seeds))
    error = other.std(axis=1, ddof=1) / math.sqrt(seeds)
    hit = (np.abs(other.mean(axis=1)) / error > stats.t.isf(level / 2, seeds - 1)).mean()
    assert hit == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_of_the_detectable_size_holds_the_true_one(seeds: int) -> None:
    rng = np.random.default_rng(seeds + 100)
    exact = ORACLE.solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided")
    unit = smallest_detectable(spread_of_seeds(1.0, seeds), seeds, 0.05)
    assert unit is not None
    spread = rng.normal(0, 1, (50_000, seeds)).std(axis=1, ddof=1)
    holds = (spread * unit[1][0] <= exact) & (exact <= spread * unit[1][1])
    assert holds.mean() == pytest.approx(0.95, abs=0.01)


def test_a_stricter_level_finds_larger_differences_only() -> None:
    sizes = [smallest_detectable(spread_of_seeds(0.01, 5), 5, level) for level in (0.05, 0.005, 0.0005)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("difference", [0.004, 0.01, 0.03])
def test_the_seeds_needed_agree_with_statsmodels(difference: float) -> None:
    exact = ORACLE.solve_power(effect_size=difference / 0.01, alpha=0.05, power=0.8, alternative="two-sided")
    components = Components(0.01**2, 0.0, 0.0, 5, 1)
    assert seeds_needed(difference, of_seeds(0.01, 5), components, 0.05) == math.ceil(exact)


def test_no_number_of_seeds_makes_up_for_too_few_questions() -> None:
    components = Components(0.0, 0.1**2, 0.0, 5, 50)
    estimate = Estimate(0.0, 0.1 / math.sqrt(50), 49.0)
    assert seeds_needed(0.005, estimate, components, 0.05) is None
    assert seeds_needed(0.5, estimate, components, 0.05) == 2


def test_without_spread_everything_is_found() -> None:
    nothing = Estimate(0.01, 0.0, 4.0)
    assert smallest_detectable(spread_of_seeds(0.0, 5), 5, 0.05) == (0.0, (0.0, 0.0))
    assert seeds_needed(0.001, nothing, Components(0.0, 0.0, 0.0, 5, 10), 0.05) == 2
    assert (power(0.001, 0.0, 4.0, 0.05), power(0.0, 0.0, 4.0, 0.05)) == (1, 0)


def test_two_seeds_are_too_few_to_plan_with() -> None:
    estimate = of_seeds(0.01, 2)
    assert smallest_detectable(spread_of_seeds(0.01, 2), 2, 0.05) is None
    assert seeds_needed(0.005, estimate, Components(0.01**2, 0.0, 0.0, 2, 10), 0.05) is None
    assert smallest_detectable(spread_of_seeds(0.0, 2), 2, 0.05) is None


@pytest.mark.parametrize(("sd", "found"), [(0.01, True), (0.8, False)])
def test_no_difference_beyond_the_range_of_the_metric_is_detectable(sd: float, found: bool) -> None:
    unbounded = smallest_detectable(spread_of_seeds(sd, 3), 3, 0.05)
    bounded = smallest_detectable(spread_of_seeds(sd, 3), 3, 0.05, largest=1.0)
    assert unbounded is not None
    assert (unbounded[0] <= 1) == found
    assert (bounded is not None) == found
    assert bounded is None or bounded[1][1] <= 1


def test_the_interval_of_the_detectable_difference_holds_it() -> None:
    """Mean squares that a study had, by which the promise came to lie below the interval for known variances."""
    own, centre = np.array([5.086e-6, 9.117e-6]), np.full(2, 1.7854e-5)
    spread = Spread(own, centre, 4.0, 1.2254, 3.0515e-5, 636.0, 2.2304e-5, 159.0, False)
    found = smallest_detectable(spread, 5, 0.05 / 53)
    assert found is not None
    size, (low, high) = found
    assert size == pytest.approx(0.0363, abs=1e-4)
    assert low <= size <= high
