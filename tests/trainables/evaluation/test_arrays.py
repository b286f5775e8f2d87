import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.evaluation.arrays import descending, ordered

LARGEST = int(np.iinfo(np.int64).max)
NUMBERS = st.one_of(st.integers(0, 3), st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, LARGEST]))
SCORES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0]), st.floats(width=32, allow_nan=False, allow_infinity=False))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 3))))
def test_the_order_is_that_of_a_sort_by_all_keys(rows: list[tuple[int, int, int]]) -> None:
    group, value, last = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    assert ordered(group, value, last).tolist() == np.lexsort((last, value, group)).tolist()
    assert ordered(group, value).tolist() == np.lexsort((value, group)).tolist()


@given(st.lists(SCORES))
def test_whole_numbers_descend_as_scores_do_and_tie_where_they_tie(values: list[float]) -> None:
    scores = np.array(values, dtype=np.float32)
    numbers = descending(scores)
    assert ((numbers >= 0) & (numbers < 2**32)).all()
    assert ((numbers[:, None] < numbers) == (scores[:, None] > scores)).all()
    assert ((numbers[:, None] == numbers) == (scores[:, None] == scores)).all()
