import numpy as np
import pytest

from tests.trainables.evaluation.measures.examples import example, one_language, with_last_ranks
from trainables.evaluation.measures.rank_distance import RankDistance


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
