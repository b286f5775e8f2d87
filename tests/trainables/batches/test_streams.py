import numpy as np
import pytest
from scipy import stats

from trainables.batches.streams import Purpose, Stream


def test_an_address_gives_the_same_numbers_whatever_was_drawn_before():
    stream = Stream(5, "data")
    first = stream.at(Purpose.BATCH, 7).random(9)
    stream.at(Purpose.BATCH, 8).random(3)
    stream.permutation(11, Purpose.EPOCH, 7)
    assert np.array_equal(stream.at(Purpose.BATCH, 7).random(9), first)
    assert np.array_equal(Stream(5, "data").at(Purpose.BATCH, 7).random(9), first)


def test_numpy_s_own_generator_at_that_key_and_counter_gives_the_same_numbers():
    stream = Stream(5, "data")
    state = stream._bits.state["state"]
    fresh = np.random.Generator(np.random.Philox(key=state["key"], counter=[0, 2, 7, int(Purpose.EPOCH)]))
    assert np.array_equal(stream.at(Purpose.EPOCH, 7, 2).random(100), fresh.random(100))


def test_the_numbers_are_pinned_so_that_no_result_changes_unseen():
    assert Stream(3, "x").at(Purpose.BATCH, 5).random(3).tolist() == [
        0.20599479800768372,
        0.7187847215963588,
        0.6583511042565441,
    ]
    assert Stream(3, "x").permutation(8, Purpose.EPOCH, 5).tolist() == [0, 1, 4, 5, 2, 7, 6, 3]


@pytest.mark.parametrize(
    "other",
    [
        lambda: Stream(6, "data").at(Purpose.BATCH, 7),
        lambda: Stream(5, "atad").at(Purpose.BATCH, 7),
        lambda: Stream(5, "data").at(Purpose.EPOCH, 7),
        lambda: Stream(5, "data").at(Purpose.BATCH, 8),
        lambda: Stream(5, "data").at(Purpose.BATCH, 7, 1),
    ],
)
def test_every_part_of_the_address_counts(other):
    numbers = Stream(5, "data").at(Purpose.BATCH, 7).random(50)
    assert not np.isin(other().random(50), numbers).any()


def test_permutations_are_uniform():
    stream = Stream(1)
    ranks = np.array([[6, 2, 1] @ np.array(stream.permutation(3, Purpose.EPOCH, n)) for n in range(6000)])
    counts = np.unique(ranks, return_counts=True)[1]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3
