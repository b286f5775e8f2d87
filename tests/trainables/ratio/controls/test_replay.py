import pytest

from trainables.errors import UserError
from trainables.ratio.controls.replay import Replay


def test_a_replay_repeats_its_list_and_refuses_another_length():
    replay = Replay(ratios=(0.25, 1, 0))
    assert replay.trajectory(3).tolist() == [0.25, 1, 0]
    with pytest.raises(UserError, match=r"replay of 3 ratios cannot drive 4 steps"):
        replay.trajectory(4)


def test_a_replay_is_comparable_at_once():
    assert Replay(ratios=(0.1, 0.9)).comparable_from() == 0


@pytest.mark.parametrize("ratios", [(), (0.5, 1.5)])
def test_a_list_holds_ratios(ratios):
    with pytest.raises(ValueError):
        Replay(ratios=ratios)
