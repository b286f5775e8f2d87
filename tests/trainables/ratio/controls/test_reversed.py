import pytest

from trainables.ratio.controls.replay import Replay
from trainables.ratio.controls.reversed import Reversed
from trainables.ratio.schedules.constant import Constant
from trainables.ratio.schedules.step import Step


@pytest.mark.parametrize(
    ("original", "progress"), [(Step(switch=0.3), 0.7), (Constant(value=1), 0), (Replay(ratios=(0.1, 0.9)), 0)]
)
def test_half_of_the_movement_is_done_at_the_mirror_image(original, progress):
    assert Reversed(of=original).comparable_from() == pytest.approx(progress, abs=0.002)


def test_the_last_ratio_comes_first():
    assert Reversed(of=Replay(ratios=(0.25, 1, 0))).trajectory(3).tolist() == [0, 1, 0.25]
