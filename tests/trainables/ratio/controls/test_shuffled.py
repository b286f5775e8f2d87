import numpy as np

from trainables.ratio.controls.shuffled import Shuffled
from trainables.ratio.schedules.linear import Linear


def test_a_shuffle_is_an_order_of_its_seed_and_not_the_original_one():
    line = Linear(start=0, end=1)
    orders = [Shuffled(of=line, seed=seed).trajectory(50).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] not in (sorted(orders[0]), sorted(orders[0], reverse=True))


def test_a_shuffle_ignores_numpy_s_global_state():
    line = Shuffled(of=Linear(), seed=0)
    np.random.seed(1)
    first = line.trajectory(20)
    np.random.seed(2)
    assert np.array_equal(line.trajectory(20), first)


def test_no_part_of_a_shuffle_is_like_its_end():
    assert Shuffled(of=Linear()).comparable_from() == 0
