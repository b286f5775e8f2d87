"""Equal embeddings are seen as a collapse, repeated texts in a pool are not."""

import pytest

from trainables.evaluation.measures.collapse import is_collapsed


@pytest.mark.parametrize(
    ("ties", "collapsed"),
    [
        (0, False),
        # Every candidate has a twin: a pool with every text twice.
        (1_190 * 11 * 11, False),
        # One in a hundred pairs.
        (0.0099 * 13_090 * 13_090, False),
        (0.0101 * 13_090 * 13_090, True),
        # Everything is equal, in the pool of one of eleven languages.
        (13_090 * 1_189, True),
    ],
)
def test_one_in_a_hundred_pairs_is_the_bound(ties: float, collapsed: bool) -> None:
    assert is_collapsed(ties, 13_090, 13_090) == collapsed
