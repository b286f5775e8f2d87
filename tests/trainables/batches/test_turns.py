import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainables.batches.streams import Stream
from trainables.batches.turns import Epochs, Turns


@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 5), st.integers(0, 3))
def test_every_item_is_due_once_per_epoch_and_never_twice_in_a_turn(batch_size, more, seed, first_item):
    size = 3 * batch_size + more
    epochs = Epochs(first_item, size, 0, batch_size, Stream(seed))
    turns = [epochs.at(turn) for turn in range(4 * size // batch_size + 1)]
    laid_out = np.concatenate(turns)
    for epoch in range(4):
        assert sorted(laid_out[epoch * size : (epoch + 1) * size]) == list(range(first_item, first_item + size))
    assert all(len(set(due.tolist())) == batch_size for due in turns)


@given(st.integers(1, 8), st.integers(0, 40), st.data())
def test_what_is_due_does_not_depend_on_what_was_asked_before(batch_size, more, data):
    size = batch_size + more
    in_order = Epochs(0, size, 1, batch_size, Stream(2))
    due = [in_order.at(turn).tolist() for turn in range(30)]
    jumping = Epochs(0, size, 1, batch_size, Stream(2))
    for turn in data.draw(st.lists(st.integers(0, 29), max_size=12)):
        assert jumping.at(turn).tolist() == due[turn]


def test_every_item_is_due_first_equally_often():
    counts = np.zeros(20)
    for seed in range(600):
        epochs = Epochs(0, 20, 0, 6, Stream(seed))
        # Turn 3 runs over the end of the first epoch: its place 2 is the first of the second epoch.
        counts[epochs.at(3)[2]] += 1
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.001, 0.999]])
def test_turns_are_drawn_by_share_and_counted(shares):
    turns = Turns(np.array(shares), Stream(3))
    seen = [0] * len(shares)
    for step in range(10_000):
        number, before = turns.at(step)
        assert before == seen[number]
        seen[number] += 1
    assert stats.chisquare(seen, np.array(shares) * 10_000).pvalue > 1e-3
    # Other blocks than the last one, far ahead and back.
    ahead = Turns(np.array(shares), Stream(3))
    far = ahead.at(9_999)
    assert far == turns.at(9_999)
    assert ahead.at(5) == turns.at(5)
    assert turns.at(9_999) == far


def test_a_single_set_has_every_turn():
    assert Turns(np.array([1.0]), Stream(0)).at(12345) == (0, 12345)
