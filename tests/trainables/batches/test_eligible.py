from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.batches.eligible import EligibleItems


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.sets(st.integers(0, 8), min_size=1), st.integers(1, 4))
def test_a_draw_outside_groups_is_uniform_over_all_other_items(groups, taken, times):
    group_of_item = np.array(groups, dtype=np.int64)
    by_group = np.argsort(group_of_item, kind="stable").astype(np.int32)
    eligible = EligibleItems(by_group, None, group_of_item)
    others = [item for item, group in enumerate(groups) if group not in taken]
    count = max(len(others), 1) * times
    drawn = eligible.draw_outside(taken, (np.arange(count) + 0.5) / count)
    assert Counter(drawn.tolist()) == Counter(dict.fromkeys(others, times))
