import pytest

from trainables.ratio.controllers.gap import Gap


def test_a_gap_above_the_target_lowers_the_ratio():
    controller = Gap(metric="loss", gain=0.5, target=0.1, initial=0.6, updates=10).controller(10)
    controller.observe(0, "mono", {"dev/loss/mono": 1.0, "dev/loss/cross": 3.0})
    # The relative gap is (3 - 1) / (3 + 1) = 0.5.
    assert controller.ratio(1) == pytest.approx(0.6 - 0.5 * (0.5 - 0.1))
    controller.observe(1, "cross", {"dev/loss/mono": 2.0, "dev/loss/cross": 2.0})
    assert controller.ratio(2) == pytest.approx(0.4 + 0.5 * 0.1)


def test_the_gap_of_maps_has_the_sign_of_the_gap_of_losses():
    controller = Gap(metric="map", gain=1, target=0, initial=0.5, updates=10).controller(10)
    controller.observe(0, "mono", {"dev/monolingual/map": 0.6, "dev/cross-lingual/map": 0.4})
    assert controller.ratio(1) == pytest.approx(0.5 - 0.2)
    controller.observe(1, "mono", {"dev/monolingual/map": 0.0, "dev/cross-lingual/map": 0.0})
    assert controller.ratio(2) == controller.ratio(1)


def test_impossible_losses_are_refused():
    with pytest.raises(ValueError, match="at least 0"):
        Gap(updates=10).controller(10).observe(0, "mono", {"dev/loss/mono": -1.0, "dev/loss/cross": 1.0})
