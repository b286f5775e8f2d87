"""Small benchmarks and rankings whose measures are known, and the same ranking for trec_eval."""

import numpy as np
import pytest
import pytrec_eval

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.measures.registry import find_measure
from trainables.evaluation.rank import Ranks, rank_relevant
from trainables.evaluation.searches import Retrieval, Searches, group_by_search

LEVELS = (1, 7, 10**6)
"""How many different scores there are: everything ties, many tie, hardly any tie."""


def two_languages(query_languages: list[str], candidate_languages: list[str], relevant: list[list[int]]) -> Benchmark:
    return benchmark(
        "b",
        [Query(str(i), x, "") for i, x in enumerate(query_languages)],
        [Candidate(str(i), x, "") for i, x in enumerate(candidate_languages)],
        relevant,
    )


def example() -> Retrieval:
    """Query 0 (de) has two relevant candidates in de and one in en, query 1 (en) only one in en."""
    b = two_languages(["de", "en"], ["de", "de", "en", "en", "en"], [[0, 1, 2], [3]])
    # Query 0 orders the candidates 3 0 2 4 1, query 1 orders them 0 3 4 2 1.
    candidates = np.array([[4, 5], [1, 1], [3, 2], [5, 4], [2, 3]], dtype=np.float32)
    return Retrieval(b, rank_relevant(b, np.eye(2, dtype=np.float32), candidates))


def one_language() -> Retrieval:
    """Nothing is relevant in two languages: the pool of all languages is not searched."""
    b = two_languages(["de"], ["de", "en"], [[0]])
    eye = np.eye(2, dtype=np.float32)
    return Retrieval(b, rank_relevant(b, eye[:1], eye))


def with_last_ranks(last: list[int]) -> Retrieval:
    """As many queries in de as in en, one relevant candidate each in de and en: at rank 1 and at the given rank.

    Three of the first ten candidates are in the language of the query.
    """
    half = len(last) // 2
    languages = ["de"] * half + ["en"] * half
    b = two_languages(languages, languages, [[i, half + i] for i in range(half)] * 2)
    first = np.ones(len(last), dtype=np.int64)
    rank = np.stack([first, np.array(last)], axis=1).ravel()
    return Retrieval(
        b,
        Ranks(
            query=np.repeat(np.arange(len(last)), 2),
            language=np.tile([0, 1], len(last)),
            rank_in_language=np.ones_like(rank),
            rank=rank,
            rank_alone=None,
            first_rank=rank,
            ties=rank * 0,
            top_languages=np.full((len(last), 2), 3.0),
            first_language=np.tile([1.0, 0.0], (len(last), 1)),
        ),
    )


def searches_of(*ranks: list[int]) -> Searches:
    """One search for each list of ranks of relevant candidates."""
    query = np.repeat(np.arange(len(ranks)), [len(one) for one in ranks])
    b = two_languages(["de"] * len(ranks), ["de"] * max(map(len, ranks)), [list(range(len(one))) for one in ranks])
    return group_by_search(b, query, None, np.concatenate(ranks).astype(np.int64))


def check_against_trec_eval(levels: int, **names: str) -> None:
    """Asserts that measures equal those of trec_eval, `map="map"`, for 60 queries over 80 candidates.

    Underscores in a name stand for @: `recall_10="recall_10"`.
    """
    rng = np.random.default_rng(levels)
    qrels, run, query_of, rank = {}, {}, [], []
    for query in range(60):
        scores = rng.integers(0, levels, 80)
        relevant = set(rng.choice(80, rng.integers(1, 30), replace=False).tolist())
        # trec_eval would break ties by document id: give it the pessimistic order as distinct scores.
        order = sorted(range(80), key=lambda c: (-scores[c], c in relevant))
        run[str(query)] = {str(c): float(-place) for place, c in enumerate(order)}
        qrels[str(query)] = {str(c): 1 for c in relevant}
        for c in relevant:
            query_of.append(query)
            rank.append(int((np.delete(scores, list(relevant)) >= scores[c]).sum()) + 1)
            rank[-1] += sum(order.index(other) < order.index(c) for other in relevant)
    wanted = {"map", "recall_1,10", "recip_rank", "ndcg_cut_10", "success_1,10"}
    expected = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    lists: list[list[int]] = [[] for _ in range(100)] + [list(range(len(qrels[str(query)]))) for query in range(60)]
    b = two_languages(["de"] * 160, ["de"] * 80, lists)
    found = group_by_search(b, np.array(query_of) + 100, None, np.array(rank))
    assert found.query.tolist() == list(range(100, 160))
    for name, theirs in names.items():
        values = find_measure(name.replace("_", "@")).values(found)
        assert values == pytest.approx([expected[str(q)][theirs] for q in range(60)], abs=1e-12)
