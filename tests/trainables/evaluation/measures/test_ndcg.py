import math

import pytest

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of
from trainables.evaluation.measures.ndcg import Ndcg


@pytest.mark.parametrize("levels", LEVELS)
def test_ndcg_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, ndcg_10="ndcg_cut_10")


def test_a_ranking_that_starts_with_all_it_has_room_for_is_perfect() -> None:
    assert Ndcg(2).values(searches_of([1, 2, 3], [2], [3])) == pytest.approx([1.0, 1 / math.log2(3), 0.0])
