import pytest

from trainables.ratio.schedules.cyclic import Cyclic


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Cyclic(start=1, end=0, cycles=2, shape="triangle"), 0.125, 0.5),
        (Cyclic(start=1, end=0, cycles=2, shape="triangle"), 0.75, 0),
        (Cyclic(start=0, end=0.8, cycles=1, shape="cosine"), 0.25, 0.4),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


def test_no_cycle_is_refused():
    with pytest.raises(ValueError):
        Cyclic(cycles=0)
