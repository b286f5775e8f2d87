import math

import pytest

from trainables.ratio.schedules.sigmoid import Sigmoid


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Sigmoid(start=0, end=1, midpoint=0.3, steepness=10), 0.3, 0.5),
        (Sigmoid(start=1, end=0, midpoint=0.5, steepness=4), 0.75, 1 - math.e / (1 + math.e)),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


def test_a_steep_sigmoid_is_comparable_from_its_midpoint_on():
    assert Sigmoid(midpoint=0.6, steepness=100).comparable_from() == pytest.approx(0.6, abs=0.002)
