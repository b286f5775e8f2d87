import numpy as np
import pytest

from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.evaluation.bias import bias, query_bias, relevant_language_map
from trainables.evaluation.rank import Ranks, rank_relevant


def example() -> tuple:
    """Query 0 (de) has two relevant candidates in de and one in en, query 1 (en) only one in en."""
    languages = ["de", "de", "en", "en", "en"]
    b = benchmark(
        "b",
        [Query("0", "de", ""), Query("1", "en", "")],
        [Candidate(str(i), x, "") for i, x in enumerate(languages)],
        [[0, 1, 2], [3]],
    )
    # Query 0 orders the candidates 3 0 2 4 1, query 1 orders them 0 3 4 2 1.
    candidates = np.array([[4, 5], [1, 1], [3, 2], [5, 4], [2, 3]], dtype=np.float32)
    return b, rank_relevant(b, np.eye(2, dtype=np.float32), candidates)


def test_rank_distance_is_that_of_queries_with_parallel_candidates_only() -> None:
    b, ranks = example()
    found = query_bias(b, ranks)
    assert ranks.rank.tolist() == [2, 5, 3, 2]
    assert found.rank_distance[0] == 3
    assert np.isnan(found.rank_distance[1])
    metrics = bias(b, ranks, found)
    assert metrics["rank_distance"] == metrics["rank_distance_median"] == metrics["rank_distance/de"] == 3
    assert metrics["rank_distance_log"] == pytest.approx(np.log(5 / 2))
    assert "rank_distance/en" not in metrics


def test_the_matrix_takes_the_relevant_candidates_of_other_languages_out_of_the_pool() -> None:
    b, ranks = example()
    query, language, value = relevant_language_map(b, ranks)
    assert [(int(q), b.languages[x]) for q, x in zip(query, language, strict=True)] == [(0, "de"), (0, "en"), (1, "en")]
    # de: 3 0 4 1 -> hits at 2 and 4; en: 3 2 4 -> hit at 2; query 1: 0 3 -> hit at 2.
    assert value.tolist() == [(1 / 2 + 2 / 4) / 2, 1 / 2, 1 / 2]
    metrics = bias(b, ranks, query_bias(b, ranks))
    assert metrics["diagonal_gap"] == pytest.approx((1 / 2 + 1 / 2) / 2 - 1 / 2)


def test_the_median_is_taken_over_queries_and_then_averaged_over_languages() -> None:
    languages = ["de"] * 3 + ["en"] * 3
    b = benchmark(
        "b",
        [Query(str(i % 3), x, "") for i, x in enumerate(languages)],
        [Candidate(str(i), x, "") for i, x in enumerate(languages)],
        [[0, 3], [1, 4], [2, 5]] * 2,
    )
    lowest, highest = np.ones(6, dtype=np.int64), np.array([2, 3, 6, 2, 2, 2])
    rank = np.stack([lowest, highest], axis=1).ravel()
    plain = {"rank": rank, "rank_in_language": lowest, "rank_alone": None, "ties": lowest * 0}
    ranks = Ranks(
        query=np.repeat(np.arange(6), 2), language=np.tile([0, 1], 6), top_languages=np.full((6, 2), 3.0), **plain
    )
    metrics = bias(b, ranks, query_bias(b, ranks))
    assert metrics["rank_distance"] == pytest.approx((8 / 3 + 1) / 2)
    assert metrics["rank_distance_median"] == (2 + 1) / 2
    assert metrics["same_language_share@10"] == 0.5


def test_bias_needs_the_pool_of_all_languages() -> None:
    b = benchmark("b", [Query("0", "de", "")], [Candidate("0", "de", ""), Candidate("1", "en", "")], [[0]])
    eye = np.eye(2, dtype=np.float32)
    with pytest.raises(ValueError, match="pool of all languages"):
        query_bias(b, rank_relevant(b, eye[:1], eye))
