import pytest

from trainables.ratio.schedules.linear import Linear


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Linear(start=0.8, end=0.2), 0.25, 0.65),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


def test_a_line_is_comparable_from_its_middle_on_and_at_once_if_it_does_not_move():
    assert Linear(start=1, end=0).comparable_from() == pytest.approx(0.5, abs=0.002)
    assert Linear(start=0.4, end=0.4).comparable_from() == 0


@pytest.mark.parametrize("values", [{"start": 1.01}, {"end": float("nan")}])
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ValueError):
        Linear(**values)
