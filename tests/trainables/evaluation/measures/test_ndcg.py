import math
from dataclasses import replace

import numpy as np
import pytest
import pytrec_eval

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of, two_languages
from trainables.evaluation.measures.ndcg import Ndcg
from trainables.evaluation.rank import UNRANKED
from trainables.evaluation.searches import group_by_search


@pytest.mark.parametrize("levels", LEVELS)
def test_ndcg_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, ndcg_10="ndcg_cut_10")


def test_a_ranking_that_starts_with_all_it_has_room_for_is_perfect() -> None:
    assert Ndcg(2).values(searches_of([1, 2, 3], [2], [3])) == pytest.approx([1.0, 1 / math.log2(3), 0.0])


def test_graded_gains_are_those_of_trec_eval_with_candidates_that_were_never_found() -> None:
    rng = np.random.default_rng(0)
    qrels, run, query_of, ranks, gains = {}, {}, [], [], []
    for query in range(40):
        judged = {str(c): int(rng.integers(1, 5)) for c in rng.choice(60, rng.integers(1, 20), replace=False)}
        found = rng.permutation(60)[: rng.integers(1, 50)].tolist()
        qrels[str(query)], run[str(query)] = judged, {str(c): -float(place) for place, c in enumerate(found)}
        for candidate, gain in judged.items():
            query_of.append(query)
            ranks.append(found.index(int(candidate)) + 1 if int(candidate) in found else UNRANKED)
            gains.append(gain)
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(run)
    lists = [list(range(len(judged))) for judged in qrels.values()]
    b = replace(two_languages(["de"] * 40, ["de"] * 60, lists), grade=np.array(gains, dtype=np.int32))
    searches = group_by_search(b, np.array(query_of), None, np.array(ranks))
    assert Ndcg(10).values(searches) == pytest.approx([expected[str(q)]["ndcg_cut_10"] for q in range(40)], abs=1e-12)
