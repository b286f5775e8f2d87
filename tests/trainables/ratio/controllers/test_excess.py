import math

import pytest

from trainables.ratio.controllers.excess import Excess


def doremi(ratio, excess_mono, excess_cross, learning_rate, smoothing):
    mono, cross = ratio * math.exp(learning_rate * excess_mono), (1 - ratio) * math.exp(learning_rate * excess_cross)
    return (1 - smoothing) * mono / (mono + cross) + smoothing / 2


def test_weights_grow_with_the_excess_over_the_reference_at_the_same_progress():
    config = Excess(reference_mono=(2.0, 1.0), reference_cross=(3.0,), learning_rate=0.4, smoothing=0.02, initial=0.3)
    controller = config.controller(10)
    controller.observe(0, "mono", {"loss": 2.5})
    expected = doremi(0.3, 0.5, 0, 0.4, 0.02)
    assert controller.ratio(1) == pytest.approx(expected)
    controller.observe(1, "cross", {"loss": 3.7})
    # The mono batch's excess goes on counting until the next mono batch.
    expected = doremi(expected, 0.5, 0.7, 0.4, 0.02)
    assert controller.ratio(2) == pytest.approx(expected)
    # At progress 0.2 the mono reference has fallen to 1.8; below the reference counts 0.
    controller.observe(2, "mono", {"loss": 1.7})
    assert controller.ratio(3) == pytest.approx(doremi(expected, 0, 0.7, 0.4, 0.02))


def test_a_run_that_keeps_to_its_reference_keeps_its_ratio():
    config = Excess(reference_mono=(2.0, 1.0, 0.5), reference_cross=(3.0, 2.0), smoothing=1e-6, initial=0.5)
    controller = config.controller(100)
    for step in range(100):
        controller.observe(step, "mono" if step % 2 else "cross", {"loss": 0.1})
    assert controller.ratio(100) == 0.5


@pytest.mark.parametrize(("kind", "limit"), [("mono", 1 - 0.05), ("cross", 0.05)])
def test_the_ratio_stays_within_smoothing_however_large_the_excess(kind, limit):
    controller = Excess(reference_mono=(0.0,), reference_cross=(0.0,), learning_rate=100, smoothing=0.1).controller(50)
    for step in range(50):
        controller.observe(step, kind, {"loss": 1e6})
    assert controller.ratio(50) == pytest.approx(limit)


@pytest.mark.parametrize("curve", [(), (-1.0,), (float("nan"),)])
def test_a_reference_curve_has_losses(curve):
    with pytest.raises(ValueError):
        Excess(reference_mono=curve, reference_cross=(1.0,))
