"""Variances and degrees of freedom from mean squares, for one study and for many at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.moderation import moderated
from analysis.statistics.spread import Spread


def spread(own: list[float], **changes: object) -> Spread:
    values = np.array(own)
    return replace(Spread(values, values * 0, 4.0, 0.0, 0.0, 596.0, 0.0, 149.0), **changes)


def test_two_alike_arms_have_welch_s_degrees_of_freedom() -> None:
    one, other = np.random.default_rng(0).normal(0, [[1.0], [3.0]], (2, 5))
    made = spread([one.var(ddof=1) / 5, other.var(ddof=1) / 5])
    welch = stats.ttest_ind(one, other, equal_var=False)
    assert made.degrees(made.own, 0.0) == pytest.approx(welch.df)
    assert np.sqrt(made.variance(made.own, 0.0)) == pytest.approx((one.mean() - other.mean()) / welch.statistic)


def test_satterthwaite_s_formula_with_all_parts() -> None:
    made = spread([0.5, 0.3], rest=0.2, questions=0.4)
    variance = 0.5 + 0.3 - 0.2 + 0.4
    expected = variance**2 / (0.5**2 / 4 + 0.3**2 / 4 + 0.4**2 / 149 + 0.2**2 / 596)
    assert made.variance(made.own, made.questions) == pytest.approx(variance)
    assert made.degrees(made.own, made.questions) == pytest.approx(expected)


def test_seeds_that_differ_by_no_more_than_the_rest_add_nothing() -> None:
    made = spread([0.1, 0.05], rest=0.2, questions=0.4)
    assert made.variance(made.own, made.questions) == pytest.approx(0.4)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_many_studies_at_once_are_each_by_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = spread([0.5, 0.3], rest=0.2, questions=0.4, is_alone=False, borrowed=3.0, centre=np.array([0.3, 0.4]))
    own, questions = rng.exponential(0.4, (2, 20)), rng.exponential(0.4, 20)
    for values in (made.variance, made.degrees):
        each = [float(values(own[:, place], float(questions[place]))) for place in range(20)]
        np.testing.assert_allclose(values(own, questions), each)
    np.testing.assert_allclose(made.tested(own)[:, 3], made.tested(own[:, 3]))


def test_squares_are_strengthened_as_the_panel_s_are() -> None:
    variances = np.array([1.0, 1.4, 0.7, 1.2, 0.9, 0.0])
    found = moderated(variances, 4)
    made = spread(list(variances), centre=np.full(6, found.centre), borrowed=found.borrowed)
    np.testing.assert_allclose(made.tested(made.own), found.variances)
    own, common = made.parts
    np.testing.assert_allclose(own + common, made.shrunk(made.own))
    assert common[-1] == own[-1] == 0


def test_few_seeds_that_agree_do_not_lend_a_family_many_degrees_of_freedom() -> None:
    agree = spread([1e-3, 1e-3], questions=1.0)
    assert agree.degrees(agree.own, agree.questions) > 100
    apart = spread([1.0, 1.0], questions=0.1)
    for made in (agree, apart):
        shared = replace(made, is_alone=False)
        bound = stats.chi2.isf(0.8, 4)
        cautious = spread([4 / bound * one for one in made.own], questions=made.questions)
        assert shared.degrees(made.own, made.questions) == pytest.approx(
            min(made.degrees(made.own, made.questions), cautious.degrees(cautious.own, made.questions))
        )


def test_nothing_but_zeros_has_the_degrees_of_freedom_of_its_seeds() -> None:
    made = spread([0.0, 0.0])
    assert (made.variance(made.own, 0.0), made.degrees(made.own, 0.0)) == (0.0, 4.0)
