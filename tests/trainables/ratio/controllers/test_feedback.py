"""What the feedback families share, shown by one of them."""

import pytest

from trainables.ratio.controllers.gap import Gap


def updates(controller, total):
    return [step for step in range(total) if controller.wants(step)]


def test_updates_are_evenly_spaced_and_none_comes_after_the_last_step():
    assert updates(Gap(updates=4).controller(100), 100) == [24, 49, 74]
    assert updates(Gap(updates=3).controller(7), 7) == [2, 4]
    assert updates(Gap(updates=50).controller(5), 5) == [0, 1, 2, 3]
    assert updates(Gap(updates=1).controller(50), 50) == []


def test_the_ratio_stays_within_its_limits_and_comes_back_at_once():
    controller = Gap(gain=10, target=0, initial=0.5, low=0.2, high=0.7, updates=10).controller(10)
    controller.observe(0, "mono", {"dev/loss/mono": 1.0, "dev/loss/cross": 9.0})
    assert controller.ratio(1) == 0.2
    controller.observe(1, "mono", {"dev/loss/mono": 1.02, "dev/loss/cross": 1.0})
    assert controller.ratio(2) == pytest.approx(0.2 + 10 * 0.02 / 2.02)
    controller.observe(2, "mono", {"dev/loss/mono": 9.0, "dev/loss/cross": 1.0})
    assert controller.ratio(3) == 0.7


def test_between_updates_nothing_is_wanted_and_nothing_changes():
    controller = Gap(updates=2, initial=0.3).controller(10)
    for step in range(4):
        assert not controller.wants(step)
        controller.observe(step, "mono", {"loss": 1.0})
    assert controller.log() == [0.3] * 4
    assert controller.wants(4) == {"dev/loss/mono", "dev/loss/cross"}


@pytest.mark.parametrize("values", [{"initial": 0.1, "low": 0.2}, {"low": 0.8, "high": 0.2}])
def test_contradicting_limits_are_refused(values):
    with pytest.raises(ValueError):
        Gap(**values)
