"""What the feedback families share, shown by one of them."""

from itertools import pairwise

import pytest

from trainables.ratio.controllers.gap import Gap


def updates(controller, total):
    return [step for step in range(total) if controller.wants(step)]


@pytest.mark.parametrize("total", [1, 2, 3, 7, 50, 101, 400])
@pytest.mark.parametrize("asked", [1, 2, 4, 5, 20, 50])
def test_there_are_as_many_updates_as_were_asked_for_and_they_part_the_training_evenly(asked, total):
    found = updates(Gap(updates=asked).controller(total), total)
    # No batch is left to decide about after the last step.
    assert len(found) == min(asked, total - 1)
    assert all(0 <= step < total - 1 for step in found)
    bounds = [0, *(step + 1 for step in found), total]
    parts = [after - before for before, after in pairwise(bounds)]
    assert max(parts) - min(parts) <= 1


def test_updates_at_known_steps():
    assert updates(Gap(updates=4).controller(100), 100) == [19, 39, 59, 79]
    assert updates(Gap(updates=3).controller(8), 8) == [1, 3, 5]
    assert updates(Gap(updates=50).controller(5), 5) == [0, 1, 2, 3]
    assert updates(Gap(updates=1).controller(50), 50) == [24]


def test_the_ratio_stays_within_its_limits_and_comes_back_at_once():
    controller = Gap(gain=10, target=0, initial=0.5, low=0.2, high=0.7, updates=10).controller(10)
    controller.observe(0, "mono", {"dev/loss/mono": 1.0, "dev/loss/cross": 9.0})
    assert controller.ratio(1) == 0.2
    controller.observe(1, "mono", {"dev/loss/mono": 1.02, "dev/loss/cross": 1.0})
    assert controller.ratio(2) == pytest.approx(0.2 + 10 * 0.02 / 2.02)
    controller.observe(2, "mono", {"dev/loss/mono": 9.0, "dev/loss/cross": 1.0})
    assert controller.ratio(3) == 0.7


def test_between_updates_nothing_is_wanted_and_nothing_changes():
    controller = Gap(updates=1, initial=0.3).controller(10)
    for step in range(4):
        assert not controller.wants(step)
        controller.observe(step, "mono", {"loss": 1.0})
    assert controller.log() == [0.3] * 4
    assert controller.wants(4) == {"dev/loss/mono", "dev/loss/cross"}


@pytest.mark.parametrize("values", [{"initial": 0.1, "low": 0.2}, {"low": 0.8, "high": 0.2}])
def test_contradicting_limits_are_refused(values):
    with pytest.raises(ValueError):
        Gap(**values)
