import pytest

from trainables.ratio.schedules.step import Step


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Step(start=0.9, end=0.1, switch=0.5), 0.4999, 0.9),
        (Step(start=0.9, end=0.1, switch=0.5), 0.5, 0.1),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


@pytest.mark.parametrize(("step", "progress"), [(Step(switch=0.3), 0.3), (Step(switch=0.7, start=0, end=1), 0.7)])
def test_a_step_is_comparable_from_its_switch_on(step, progress):
    assert step.comparable_from() == pytest.approx(progress, abs=0.002)


def test_unknown_fields_are_refused():
    with pytest.raises(ValueError):
        Step(at=0.5)
