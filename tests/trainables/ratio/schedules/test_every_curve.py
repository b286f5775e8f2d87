"""What holds for every curve, those of plugins included."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.ratio.examples import curves
from trainables.ratio.schedules.cosine import Cosine
from trainables.ratio.schedules.linear import Linear
from trainables.ratio.schedules.sigmoid import Sigmoid

steps = st.integers(1, 300)


@given(curves(), st.floats(0, 1))
def test_ratios_stay_in_the_unit_interval(curve, progress):
    assert 0 <= curve.ratio(progress) <= 1


@given(curves(), steps)
def test_a_step_uses_the_ratio_at_its_share_of_all_steps(curve, total):
    trajectory = curve.trajectory(total)
    assert trajectory.dtype == np.float64
    assert trajectory.tolist() == [curve.ratio(t / total) for t in range(total)]


@given(curves(), steps)
def test_the_mean_is_the_mean_of_the_ratios_used(curve, total):
    exact = sum(Fraction(ratio) for ratio in curve.trajectory(total).tolist()) / total
    assert curve.mean_ratio(total) == pytest.approx(float(exact), rel=4e-16, abs=1e-300)


@pytest.mark.parametrize("start", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("end", [0.0, 0.9, 1.0])
def test_curves_from_start_to_end_never_leave_that_range(start, end):
    for curve in (Linear(start=start, end=end), Cosine(start=start, end=end), Sigmoid(start=start, end=end)):
        values = curve.trajectory(97)
        assert values.min() >= min(start, end)
        assert values.max() <= max(start, end)
        assert np.all(np.diff(values) * (end - start) >= 0)


@given(curves())
def test_comparable_from_is_a_progress(curve):
    assert 0 <= curve.comparable_from() <= 1


@given(curves(), steps)
def test_a_constant_value_is_the_ratio_of_every_step(curve, total):
    value = curve.constant_value()
    assert value is None or set(curve.trajectory(total).tolist()) == {value}


@given(curves())
def test_a_curve_is_its_own_schedule_and_has_no_signals_to_pay_for(curve):
    assert curve.as_schedule(()) is curve
    assert curve.signal_pairs(100, 8, 50) == 0
