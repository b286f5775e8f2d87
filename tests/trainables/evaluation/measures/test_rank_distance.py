import numpy as np
import pytest

from tests.trainables.evaluation.measures.examples import example, one_language, two_languages, with_last_ranks
from trainables.evaluation.measures.rank_distance import RankDistance
from trainables.evaluation.measures.rank_distance_log import RankDistanceLog
from trainables.evaluation.rank import rank_relevant
from trainables.evaluation.searches import Retrieval


def test_rank_distance_is_that_of_queries_with_parallel_candidates_only() -> None:
    retrieval = example()
    assert retrieval.ranks.rank.tolist() == [2, 5, 3, 2]
    found = RankDistance().values(retrieval)
    assert found[0] == 3
    assert np.isnan(found[1])
    assert RankDistance().summary(retrieval) == {(): 3, ("de",): 3}


def test_the_mean_is_taken_over_queries_and_then_over_languages() -> None:
    found = RankDistance().summary(with_last_ranks([2, 3, 6, 2, 2, 2]))
    assert found == pytest.approx({(): (8 / 3 + 1) / 2, ("de",): 8 / 3, ("en",): 1})


def test_the_pool_of_all_languages_is_needed() -> None:
    with pytest.raises(ValueError, match="pool of all languages"):
        RankDistance().values(one_language())


def test_where_ties_are_broken_as_in_trec_eval_no_candidate_shares_a_rank() -> None:
    """Everything ties: the ids 4, 3, 2, 1, 0 are then at ranks 1 to 5, and 0 and 3 are relevant."""
    b = two_languages(["de"], ["de", "de", "en", "en", "en"], [[0, 3]])
    ones = np.ones((5, 1), dtype=np.float32)
    as_in_trec = Retrieval(b, rank_relevant(b, ones[:1], ones, ties="trec"))
    assert sorted(as_in_trec.ranks.rank.tolist()) == [2, 5]
    assert RankDistance().values(as_in_trec).tolist() == [3]
    assert RankDistanceLog().summary(as_in_trec)[()] == pytest.approx(np.log(5 / 2))
    assert RankDistance().values(Retrieval(b, rank_relevant(b, ones[:1], ones))).tolist() == [4]
