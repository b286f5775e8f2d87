from tests.trainables.evaluation.measures.examples import example, with_last_ranks
from trainables.evaluation.measures.rank_distance_median import RankDistanceMedian


def test_the_median_is_taken_over_queries_and_then_averaged_over_languages() -> None:
    assert RankDistanceMedian().summary(with_last_ranks([2, 3, 6, 2, 2, 2])) == {(): (2 + 1) / 2}


def test_queries_with_relevant_candidates_in_one_language_do_not_count() -> None:
    assert RankDistanceMedian().summary(example()) == {(): 3}
