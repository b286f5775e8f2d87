import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.curves import fit_curve, least_squares, line

SIZES = np.repeat([2.8e8, 5.6e8, 3.5e9, 1.07e10], 5)


def test_a_line_and_its_band_agree_with_statsmodels() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(8, 10, 25)
    y = 0.2 + 0.05 * x + rng.normal(0, 0.01, 25)
    oracle = smf.ols("y ~ x", pd.DataFrame({"x": x, "y": y})).fit()
    found = fit_curve(10**x, y)
    assert found.form == "line"
    assert found.coefficients == pytest.approx(tuple(oracle.params))
    band = oracle.get_prediction(pd.DataFrame({"x": np.log10(found.sizes)})).conf_int()
    np.testing.assert_allclose(np.column_stack([found.low, found.high]), band, rtol=1e-8)
    assert line(x, y).p_value(1) == pytest.approx(oracle.pvalues["x"])


def test_a_curve_that_levels_off_is_found_and_a_line_stays_a_line() -> None:
    rng = np.random.default_rng(1)
    ratio = SIZES / SIZES.min()
    curve = fit_curve(SIZES, 0.8 - 0.3 * ratio**-0.9 + rng.normal(0, 0.003, 20))
    assert curve.form == "saturating"
    assert curve.coefficients == pytest.approx((0.8, 0.3, 0.9), abs=0.1)
    assert curve.coefficients[0] == pytest.approx(0.8, abs=0.01)
    assert fit_curve(SIZES, 0.5 + 0.1 * np.log10(ratio) + rng.normal(0, 0.01, 20)).form == "line"


def test_sizes_off_the_line_are_the_units_of_its_error() -> None:
    rng = np.random.default_rng(2)
    off = np.repeat([0.05, -0.05, -0.05, 0.05], 5)
    found = line(np.log10(SIZES), off + rng.normal(0, 0.001, 20))
    assert found.degrees_of_freedom == 2
    on = line(np.log10(SIZES), np.log10(SIZES) + rng.normal(0, 0.01, 20))
    assert on.degrees_of_freedom == 18


def test_lack_of_fit_takes_the_error_of_the_size_means() -> None:
    rng = np.random.default_rng(3)
    x = np.log10(SIZES)
    y = np.repeat([0.05, -0.05, -0.05, 0.05], 5) + rng.normal(0, 0.001, 20)
    means = pd.DataFrame({"x": x[::5], "y": y.reshape(4, 5).mean(axis=1)})
    oracle = smf.ols("y ~ x", means).fit()
    found = line(x, y)
    assert found.coefficients == pytest.approx(oracle.params.to_numpy())
    np.testing.assert_allclose(found.covariance, oracle.cov_params().to_numpy(), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_constant_values_have_a_flat_curve_without_width(value: float) -> None:
    found = fit_curve(SIZES, np.full(20, value))
    assert found.form == "line"
    for series in (found.fitted, found.low, found.high):
        np.testing.assert_allclose(series, value, atol=1e-9)


def test_two_runs_at_two_sizes_have_no_band() -> None:
    found = fit_curve(np.array([1e8, 1e9]), np.array([0.5, 0.6]))
    assert found.low is None
    assert found.high is None
    assert found.fitted[[0, -1]] == pytest.approx([0.5, 0.6])
    assert least_squares(np.eye(2), np.ones(2)).p_value(0) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1, 1), st.floats(0.01, 100))
def test_shift_and_unit_of_size_do_not_change_the_shape(seed: int, shift: float, unit: float) -> None:
    rng = np.random.default_rng(seed)
    y = 0.6 - 0.2 * (SIZES / 1e8) ** -rng.uniform(0.1, 2) + rng.normal(0, 0.01, 20)
    one, other = fit_curve(SIZES, y), fit_curve(SIZES * unit, y + shift)
    assert one.form == other.form
    np.testing.assert_allclose(other.fitted, one.fitted + shift, atol=1e-5)
    np.testing.assert_allclose(other.high, one.high + shift, atol=1e-4)


def test_bands_cover_the_true_line_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    x = np.log10(SIZES)
    truth = 0.1 + 0.05 * x
    hits = []
    for _ in range(2_000):
        fit = line(x, truth + rng.normal(0, 0.01, 20))
        design = np.array([[1.0, x.max()]])
        hits.append(abs((design @ fit.coefficients)[0] - truth[-1]) <= fit.half_width(design)[0])
    assert 0.94 <= np.mean(hits) <= 0.98
