"""Measures against trec_eval."""

import numpy as np
import pytest
import pytrec_eval

from trainables.errors import UserError
from trainables.evaluation.metrics import measure, searches


@pytest.mark.parametrize("levels", [1, 7, 10**6])
def test_measures_equal_those_of_trec_eval(levels: int) -> None:
    rng = np.random.default_rng(levels)
    qrels, run, key, rank = {}, {}, [], []
    for query in range(60):
        scores = rng.integers(0, levels, 80)
        relevant = set(rng.choice(80, rng.integers(1, 30), replace=False).tolist())
        # trec_eval would break ties by document id: give it the pessimistic order as distinct scores.
        order = sorted(range(80), key=lambda c: (-scores[c], c in relevant))
        run[str(query)] = {str(c): float(-place) for place, c in enumerate(order)}
        qrels[str(query)] = {str(c): 1 for c in relevant}
        for c in relevant:
            key.append(query)
            rank.append(int((np.delete(scores, list(relevant)) >= scores[c]).sum()) + 1)
            rank[-1] += sum(order.index(other) < order.index(c) for other in relevant)
    wanted = {"map", "recall_1,10", "recip_rank", "ndcg_cut_10"}
    expected = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    keys, found = searches(np.array(key) + 100, np.array(rank))
    assert keys.tolist() == list(range(100, 160))
    names = {"map": "map", "recall@1": "recall_1", "recall@10": "recall_10", "ndcg@10": "ndcg_cut_10"}
    for name, theirs in (names | {"mrr@80": "recip_rank"}).items():
        assert measure(name, found) == pytest.approx([expected[str(q)][theirs] for q in range(60)], abs=1e-12)


def test_map_with_a_cut_off_divides_by_what_the_cut_off_leaves_room_for() -> None:
    _, found = searches(np.zeros(4, dtype=int), np.array([9, 1, 3, 2]))
    assert measure("map@2", found) == 1.0
    assert measure("map@8", found) == 0.75
    assert measure("map", found) == pytest.approx((1 + 1 + 1 + 4 / 9) / 4)


def test_mrr_counts_only_the_first_hit_within_the_cut_off() -> None:
    _, found = searches(np.array([0, 0, 1]), np.array([2, 4, 11]))
    assert measure("mrr@10", found).tolist() == [0.5, 0.0]


@pytest.mark.parametrize("name", ["map@0", "recall", "recall@", "ndcg@-1", "map@1.5", "mapp", "MAP", ""])
def test_names_of_no_measure_are_refused(name: str) -> None:
    _, found = searches(np.array([0]), np.array([1]))
    with pytest.raises(UserError, match="Unknown measure"):
        measure(name, found)
