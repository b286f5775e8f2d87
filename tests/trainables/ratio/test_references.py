import pytest

from trainables.ratio.controllers.excess import Excess
from trainables.ratio.references import REFERENCE_POINTS, reference_curve


def test_a_reference_curve_stands_for_the_middles_of_the_reported_steps():
    reports = [{"step": step, "steps": 20, "loss_mono": 20.0 - step, "loss_cross": None} for step in (4, 8, 12, 16, 20)]
    curve = reference_curve(reports, "mono")
    assert len(curve) == REFERENCE_POINTS
    # The windows' middles are at progress 0.1, 0.3, 0.5, 0.7, 0.9; beyond the first and last there is nothing to see.
    assert curve[0] == curve[2] == 16.0
    assert curve[10] == pytest.approx(8.0)
    assert curve[12] == pytest.approx(6.0)
    assert curve[18] == curve[20] == 0.0
    assert reference_curve(reports, "cross") == ()


def test_a_reference_curve_skips_reports_without_the_kind():
    losses = [3.0, None, 1.0]
    reports = [{"step": 10 * i, "steps": 30, "loss_cross": loss} for i, loss in enumerate(losses, start=1)]
    assert reference_curve(reports, "cross")[10] == pytest.approx(2.0)
    Excess(reference_mono=(1.0,), reference_cross=reference_curve(reports, "cross"))
