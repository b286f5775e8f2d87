import pytest

from trainables.ratio.schedules.competence import Competence


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Competence(initial=0.2, power=1, end=0), 0.5, 1 - 0.6),
        (Competence(initial=0, power=2, end=0.2), 0.25, 1 - 0.8 * 0.5),
        (Competence(initial=0.1, power=2, end=0, duration=0.5), 0.7, 0),
        (Competence(initial=0.3, power=2, end=0.5), 0, 1 - 0.5 * 0.3),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)
