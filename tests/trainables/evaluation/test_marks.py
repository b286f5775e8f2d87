from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.evaluation.marks import MarkCounter, marks_of


@given(st.integers(1, 5000), st.lists(st.floats(0, 1), max_size=9), st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 9))
def test_what_is_counted_between_cuts_is_what_stands_there(
    columns: int, cuts: list[float], share: float, seed: int
) -> None:
    marks = marks_of(3, columns)
    marks[:, :columns] = np.random.default_rng(seed).random((3, columns)) < share
    places = np.sort(np.array([0, *(cut * columns for cut in cuts), columns], dtype=np.int64))
    expected = [[np.count_nonzero(row[a:z]) for a, z in pairwise(places)] for row in marks]
    assert MarkCounter(places, marks.shape[1])(marks).tolist() == expected


@pytest.mark.parametrize("columns", [7, 8, 255 * 8, 255 * 8 + 1, 256 * 8, 2**18, 2**24, 2**25 + 2])
def test_no_byte_overflows_where_everything_is_marked(columns: int) -> None:
    marks = marks_of(1, columns)
    marks[:, :columns] = True
    assert MarkCounter(np.array([0, columns // 2, columns]), marks.shape[1])(marks).tolist() == [
        [columns // 2, columns - columns // 2]
    ]
