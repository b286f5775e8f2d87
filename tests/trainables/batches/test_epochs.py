import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainables.batches.epochs import DueSets, Epochs
from trainables.batches.streams import Stream


@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 5), st.integers(0, 3))
def test_every_item_is_due_once_per_epoch_and_never_twice_in_a_batch(batch_size, more, seed, first_item):
    size = 3 * batch_size + more
    epochs = Epochs(first_item, size, 0, batch_size, Stream(seed))
    batches = [epochs.at(number) for number in range(4 * size // batch_size + 1)]
    laid_out = np.concatenate(batches)
    for epoch in range(4):
        assert sorted(laid_out[epoch * size : (epoch + 1) * size]) == list(range(first_item, first_item + size))
    assert all(len(set(due.tolist())) == batch_size for due in batches)


@given(st.integers(1, 8), st.integers(0, 40), st.data())
def test_what_is_due_does_not_depend_on_what_was_asked_before(batch_size, more, data):
    size = batch_size + more
    in_order = Epochs(0, size, 1, batch_size, Stream(2))
    due = [in_order.at(number).tolist() for number in range(30)]
    jumping = Epochs(0, size, 1, batch_size, Stream(2))
    for number in data.draw(st.lists(st.integers(0, 29), max_size=12)):
        assert jumping.at(number).tolist() == due[number]


def test_every_item_is_due_first_equally_often():
    counts = np.zeros(20)
    for seed in range(600):
        epochs = Epochs(0, 20, 0, 6, Stream(seed))
        # Batch 3 runs over the end of the first epoch: its place 2 is the first of the second epoch.
        counts[epochs.at(3)[2]] += 1
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.001, 0.999]])
def test_due_sets_are_drawn_by_share_and_counted(shares):
    sets = DueSets(np.array(shares), Stream(3))
    seen = [0] * len(shares)
    for step in range(10_000):
        number, before = sets.at(step)
        assert before == seen[number]
        seen[number] += 1
    assert stats.chisquare(seen, np.array(shares) * 10_000).pvalue > 1e-3
    # Other blocks than the last one, far ahead and back.
    ahead = DueSets(np.array(shares), Stream(3))
    far = ahead.at(9_999)
    assert far == sets.at(9_999)
    assert ahead.at(5) == sets.at(5)
    assert sets.at(9_999) == far


def test_a_single_set_is_always_due():
    assert DueSets(np.array([1.0]), Stream(0)).at(12345) == (0, 12345)
