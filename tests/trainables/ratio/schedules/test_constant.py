import pytest

from trainables.ratio.schedules.constant import Constant
from trainables.ratio.schedules.linear import Linear


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Constant(value=0.3), 0.9, 0.3),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


def test_a_constant_is_the_one_family_that_says_it_never_changes():
    assert Constant(value=0.3).constant_value() == 0.3
    assert Linear(start=0.3, end=0.3).constant_value() is None


def test_a_constant_is_comparable_at_once():
    assert Constant(value=1).comparable_from() == 0
