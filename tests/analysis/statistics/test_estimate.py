"""One distribution gives interval, p value and equivalence: they can never disagree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.weightstats import DescrStatsW

from analysis.statistics.errors import StatisticsError
from analysis.statistics.estimate import Estimate

estimates = st.builds(
    Estimate,
    st.floats(-1, 1),
    st.floats(1e-4, 1),
    st.floats(1, 200),
    st.one_of(st.just(0.0), st.floats(-3, 3)),
)


@given(st.integers(0, 10**6), st.integers(3, 30))
def test_without_skewness_it_is_student_s_t(seed: int, number: int) -> None:
    values = np.random.default_rng(seed).normal(0.3, 1, number)
    found = Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(number), number - 1.0)
    expected = stats.ttest_1samp(values, 0)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.interval(0.1) == pytest.approx(tuple(expected.confidence_interval(0.9)))


@pytest.mark.parametrize("margin", [0.2, 0.5, 1.0])
def test_equivalence_is_twice_the_two_one_sided_tests_of_statsmodels(margin: float) -> None:
    values = np.random.default_rng(0).normal(0.1, 0.3, 8)
    found = Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(8), 7.0)
    assert found.equivalence(margin) == pytest.approx(min(1.0, 2 * DescrStatsW(values).ttost_mean(-margin, margin)[0]))


@settings(max_examples=300)
@given(estimates, st.floats(1e-6, 0.5))
def test_the_interval_excludes_zero_exactly_where_the_p_value_is_below_its_level(found: Estimate, level: float) -> None:
    low, high = found.interval(level)
    assert low <= found.value <= high
    if not math.isclose(found.p_value, level, rel_tol=1e-6):
        assert (low > 0 or high < 0) == (found.p_value < level)


@settings(max_examples=300)
@given(estimates, st.floats(1e-6, 0.5), st.floats(0.001, 2))
def test_the_interval_lies_within_the_margin_exactly_where_equivalence_is_below_its_level(
    found: Estimate, level: float, margin: float
) -> None:
    low, high = found.interval(level)
    if not math.isclose(found.equivalence(margin), level, rel_tol=1e-6):
        assert (-margin < low and high < margin) == (found.equivalence(margin) < level)


@given(estimates, st.floats(1e-6, 0.5))
def test_the_other_sign_turns_everything_round(found: Estimate, level: float) -> None:
    other = Estimate(-found.value, found.standard_error, found.degrees_of_freedom, -found.skewness)
    low, high = found.interval(level)
    assert other.interval(level) == pytest.approx((-high, -low))
    assert other.p_value == pytest.approx(found.p_value)
    assert other.equivalence(0.1) == pytest.approx(found.equivalence(0.1))


@given(estimates, st.floats(1e-4, 0.5))
def test_skewness_only_ever_widens(found: Estimate, level: float) -> None:
    low, high = found.interval(level)
    plain = Estimate(found.value, found.standard_error, found.degrees_of_freedom)
    assert low <= plain.interval(level)[0] + 1e-12
    assert high >= plain.interval(level)[1] - 1e-12
    assert found.p_value >= plain.p_value - 1e-12


@pytest.mark.parametrize("skewness", [0.1, 0.4, 1.0])
def test_the_farther_end_is_that_of_hall_s_transformation(skewness: float) -> None:
    """Hall (1992): t + g t² / 3 + g² t³ / 27 + g / 6 has the quantiles of t; solved here by bisection."""
    found = Estimate(0.2, 0.05, 40.0, skewness)
    t = float(stats.t.isf(0.025, 40))

    def transformed(x: float) -> float:
        return x + skewness * x**2 / 3 + skewness**2 * x**3 / 27 + skewness / 6

    lowest = optimize.brentq(lambda x: transformed(x) + t, -100, 100)
    low, high = found.interval(0.05)
    assert high == pytest.approx(0.2 - lowest * 0.05)
    # A tail to the right of the questions: the truth may be far above, hardly far below.
    assert low == pytest.approx(0.2 - t * 0.05)
    assert high - 0.2 > 0.2 - low


@pytest.mark.parametrize(("value", "p", "inside"), [(0.0, 1.0, 0.0), (0.004, 0.0, 0.0), (0.006, 0.0, 1.0)])
def test_without_spread_only_the_value_counts(value: float, p: float, inside: float) -> None:
    for sign in (1, -1):
        found = Estimate(sign * value, 0.0, 4.0)
        assert (found.p_value, found.equivalence(0.005)) == (p, inside)
        assert found.interval(0.05) == (sign * value, sign * value)
        assert abs(found.statistic) == (math.inf if value else 0.0)


@pytest.mark.parametrize("margin", [0.0, -0.1])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(StatisticsError, match="positive"):
        Estimate(0.0, 1.0, 4.0).equivalence(margin)
