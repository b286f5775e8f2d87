import pytest

from tests.trainables.evaluation.measures.examples import LEVELS, check_against_trec_eval, searches_of
from trainables.evaluation.measures.mrr import ReciprocalRank


@pytest.mark.parametrize("levels", LEVELS)
def test_the_reciprocal_rank_is_that_of_trec_eval(levels: int) -> None:
    check_against_trec_eval(levels, mrr_80="recip_rank")


def test_mrr_counts_only_the_first_hit_within_the_cut_off() -> None:
    assert ReciprocalRank(10).values(searches_of([2, 4], [11])).tolist() == [0.5, 0.0]
