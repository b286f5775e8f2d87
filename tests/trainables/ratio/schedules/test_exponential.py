import pytest

from trainables.ratio.schedules.exponential import Exponential


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Exponential(start=1, end=0.01), 0.5, 0.1),
        (Exponential(start=0.01, end=1), 0.25, 10**-1.5),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


def test_an_end_of_zero_is_refused():
    with pytest.raises(ValueError):
        Exponential(end=0)
