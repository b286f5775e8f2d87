"""Variances of few degrees of freedom borrow from each other what they have in common, and no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from analysis.statistics.moderation import FEWEST_ARMS, moderated, prior


def found_variances(rng: np.random.Generator, true: np.ndarray, freedom: int) -> np.ndarray:
    return true * rng.chisquare(freedom, len(true)) / freedom


def test_the_prior_is_that_of_smyth() -> None:
    """Moments of log variances, solved here with a root finder: centre and a third of the degrees of freedom."""
    rng = np.random.default_rng(0)
    true = 0.02 * 8 / rng.chisquare(8, 400)
    variances = found_variances(rng, true, 4)
    logs = np.log(variances) - special.digamma(2) + np.log(2)
    excess = logs.var(ddof=1) - special.polygamma(1, 2)
    half = optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e5)
    centre, borrowed = prior(variances, 4)
    assert centre == pytest.approx(np.exp(logs.mean() + special.digamma(half) - np.log(half)))
    assert borrowed == pytest.approx(2 * half / 3)
    # The estimate is that of the truth: 8 degrees of freedom around .02.
    assert centre == pytest.approx(0.02, rel=0.15)
    assert 3 * borrowed == pytest.approx(8, rel=0.4)


def test_arms_that_differ_by_chance_alone_share_their_mean() -> None:
    variances = np.array([1.0, 1.1, 0.9, 1.05, 0.95])
    centre, borrowed = prior(variances, 4)
    assert centre == pytest.approx(1.0)
    # Half the degrees of freedom that the four others have.
    assert borrowed == 8
    found = moderated(variances, 4)
    assert found.degrees_of_freedom == 12
    np.testing.assert_allclose(found.variances, np.maximum(variances, (8 * 1.0 + 4 * variances) / 12))


def test_an_unlike_arm_has_nothing_to_lend_and_keeps_its_variance() -> None:
    variances = np.array([1e-6, 1e-4, 1e-2, 1.0, 100.0])
    found = moderated(variances, 4)
    assert found.borrowed < 0.5
    np.testing.assert_allclose(found.variances[-1], 100.0)


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 20), st.floats(0, 3))
def test_no_variance_is_moved_down_and_no_freedom_is_lost(seed: int, arms: int, freedom: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    variances = found_variances(rng, np.exp(rng.normal(0, spread, arms)), freedom)
    found = moderated(variances, freedom)
    assert (found.variances >= variances).all()
    assert found.degrees_of_freedom == freedom + found.borrowed >= freedom
    assert found.borrowed <= (arms - 1) * freedom / 2
    if arms < FEWEST_ARMS:
        assert found.borrowed == 0
        np.testing.assert_array_equal(found.variances, variances)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_units_and_order_do_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    variances, order = found_variances(rng, np.exp(rng.normal(0, 1, 9)), 3), rng.permutation(9)
    one, other = moderated(variances, 3), moderated(scale * variances[order], 3)
    np.testing.assert_allclose(other.variances, scale * one.variances[order], rtol=1e-6)
    assert other.degrees_of_freedom == pytest.approx(one.degrees_of_freedom, rel=1e-6)


def test_an_arm_that_no_seed_changes_stays_so_and_tells_nothing_about_the_others() -> None:
    variances = np.array([1.0, 1.4, 0.7, 1.2, 0.9])
    one, other = moderated(variances, 4), moderated(np.append(variances, 0.0), 4)
    assert other.variances[-1] == 0
    np.testing.assert_allclose(other.variances[:-1], one.variances)
    assert moderated(np.zeros(6), 4).borrowed == 0


def test_borrowed_variances_are_nearer_to_the_truth() -> None:
    """Mean squared error of the logarithm over 2,000 panels of alike arms: better than each alone."""
    rng = np.random.default_rng(1)
    alone, together = [], []
    for _ in range(2_000):
        variances = found_variances(rng, np.ones(14), 2)
        alone.append((np.log(variances) ** 2).mean())
        together.append((np.log(moderated(variances, 2).variances) ** 2).mean())
    assert np.mean(together) < 0.5 * np.mean(alone)
