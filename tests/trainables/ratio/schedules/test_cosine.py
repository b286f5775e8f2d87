import math

import pytest

from trainables.ratio.schedules.cosine import Cosine


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Cosine(start=1, end=0), 0.0, 1),
        (Cosine(start=1, end=0), 0.25, (1 + math.sqrt(0.5)) / 2),
        (Cosine(start=0.2, end=0.6), 0.5, 0.4),
    ],
)
def test_the_curve_follows_its_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)
