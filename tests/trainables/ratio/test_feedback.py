import math

import pytest

from trainables.ratio.feedback import Bias, Gap


def updates(controller, total):
    return [step for step in range(total) if controller.wants(step)]


def test_updates_are_evenly_spaced_and_none_comes_after_the_last_step():
    assert updates(Gap(updates=4).controller(100), 100) == [24, 49, 74]
    assert updates(Gap(updates=3).controller(7), 7) == [2, 4]
    assert updates(Gap(updates=50).controller(5), 5) == [0, 1, 2, 3]
    assert updates(Gap(updates=1).controller(50), 50) == []


def test_a_gap_above_the_target_lowers_the_ratio():
    controller = Gap(metric="loss", gain=0.5, target=0.1, initial=0.6, updates=10).controller(10)
    controller.observe(0, "mono", {"dev_loss_mono": 1.0, "dev_loss_cross": 3.0})
    # The relative gap is (3 - 1) / (3 + 1) = 0.5.
    assert controller.ratio(1) == pytest.approx(0.6 - 0.5 * (0.5 - 0.1))
    controller.observe(1, "cross", {"dev_loss_mono": 2.0, "dev_loss_cross": 2.0})
    assert controller.ratio(2) == pytest.approx(0.4 + 0.5 * 0.1)


def test_the_gap_of_maps_has_the_sign_of_the_gap_of_losses():
    controller = Gap(metric="map", gain=1, target=0, initial=0.5, updates=10).controller(10)
    controller.observe(0, "mono", {"dev_map_mono": 0.6, "dev_map_cross": 0.4})
    assert controller.ratio(1) == pytest.approx(0.5 - 0.2)
    controller.observe(1, "mono", {"dev_map_mono": 0.0, "dev_map_cross": 0.0})
    assert controller.ratio(2) == controller.ratio(1)


def test_the_ratio_stays_within_its_limits_and_comes_back_at_once():
    controller = Gap(gain=10, target=0, initial=0.5, low=0.2, high=0.7, updates=10).controller(10)
    controller.observe(0, "mono", {"dev_loss_mono": 1.0, "dev_loss_cross": 9.0})
    assert controller.ratio(1) == 0.2
    controller.observe(1, "mono", {"dev_loss_mono": 1.02, "dev_loss_cross": 1.0})
    assert controller.ratio(2) == pytest.approx(0.2 + 10 * 0.02 / 2.02)
    controller.observe(2, "mono", {"dev_loss_mono": 9.0, "dev_loss_cross": 1.0})
    assert controller.ratio(3) == 0.7


def test_between_updates_nothing_is_wanted_and_nothing_changes():
    controller = Gap(updates=2, initial=0.3).controller(10)
    for step in range(4):
        assert not controller.wants(step)
        controller.observe(step, "mono", {"loss": 1.0})
    assert controller.log() == [0.3] * 4
    assert controller.wants(4) == {"dev_loss_mono", "dev_loss_cross"}


def test_rank_distance_is_steered_on_a_log_scale_and_the_diagonal_gap_on_a_linear_one():
    controller = Bias(target=99, gain=0.1, updates=10).controller(10)
    controller.observe(0, "mono", {"dev_bias": 999.0})
    assert controller.ratio(1) == pytest.approx(0.5 - 0.1 * math.log(10))
    controller = Bias(metric="diagonal_gap", target=0.1, gain=0.5, updates=10).controller(10)
    controller.observe(0, "cross", {"dev_bias": -0.1})
    assert controller.ratio(1) == pytest.approx(0.5 + 0.5 * 0.2)


def test_impossible_measurements_are_refused():
    with pytest.raises(ValueError, match="at least 0"):
        Gap(updates=10).controller(10).observe(0, "mono", {"dev_loss_mono": -1.0, "dev_loss_cross": 1.0})
    with pytest.raises(ValueError, match="at least 0"):
        Bias(target=10, updates=10).controller(10).observe(0, "mono", {"dev_bias": -1.0})


@pytest.mark.parametrize(
    "build",
    [
        lambda: Gap(initial=0.1, low=0.2),
        lambda: Gap(low=0.8, high=0.2),
        lambda: Bias(target=-1),
        lambda: Bias(metric="diagonal_gap", target=100),
        lambda: Bias(),
    ],
)
def test_contradicting_settings_are_refused(build):
    with pytest.raises(ValueError):
        build()
