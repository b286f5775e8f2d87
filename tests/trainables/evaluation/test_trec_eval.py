"""Whole evaluations against trec_eval, on the same embeddings: ties, grades, judged negatives, ignored candidates."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.evaluate import evaluate
from trainables.evaluation.tie_rule import TieRule

TIES: tuple[TieRule, ...] = ("pessimistic", "trec")

MEASURES = {
    "map": "map",
    "ndcg@3": "ndcg_cut_3",
    "recall@1": "recall_1",
    "recall@4": "recall_4",
    "mrr@99": "recip_rank",
    "success@2": "success_2",
}


@st.composite
def problems(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    """One language, few different scores, ids whose order differs from that of the pool."""
    size = draw(st.integers(2, 12))
    ids = draw(st.permutations([f"{chr(97 + n % 5)}{n}\u00e9" for n in range(size)]))
    number = draw(st.integers(1, 5))
    judged: list[dict[int, int]] = [
        draw(st.dictionaries(st.integers(0, size - 1), st.integers(-1, 3), min_size=1)) for _ in range(number)
    ]
    judged[0][draw(st.integers(0, size - 1))] = 1
    ignored = [draw(st.sets(st.sampled_from(range(size)), max_size=2)) - judged[q].keys() for q in range(number)]
    queries = [Query(f"q{q}", "en", "") for q in range(number)]
    built = benchmark("b", queries, [Candidate(one, "en", "") for one in ids], judged, ignored=ignored)
    row = st.lists(st.integers(-2, 2), min_size=size, max_size=size)
    scores = draw(st.lists(row, min_size=number, max_size=number))
    return built, np.eye(number, dtype=np.float32), np.array(scores, dtype=np.float32).T


def trec_eval(built: Benchmark, scores: np.ndarray, ties: TieRule) -> dict[str, dict[str, float]]:
    run: dict[str, dict[str, float]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for q, name in enumerate(built.parallel_ids):
        relevant = range(*built.relevant_start[q : q + 2])
        grades = {int(built.relevant[n]): int(built.grade[n]) for n in relevant}
        qrels[name] = {built.candidate_ids[c]: grade for c, grade in grades.items()}
        qrels[name] |= {built.candidate_ids[c]: 0 for c in built.irrelevant[q].tolist()}
        seen = [c for c in range(len(built.candidate_ids)) if c not in built.ignored[q]]
        run[name] = {built.candidate_ids[c]: float(scores[q, c]) for c in seen}
        if ties == "pessimistic":
            order = sorted(seen, key=lambda c: (-scores[q, c], c in grades, c))
            run[name] = {built.candidate_ids[c]: -float(place) for place, c in enumerate(order)}
    found: dict[str, dict[str, float]] = pytrec_eval.RelevanceEvaluator(
        qrels, {"map", "ndcg_cut_3", "recall_1,4", "recip_rank", "success_2"}
    ).evaluate(run)
    return found


@given(problems(), st.sampled_from(TIES))
def test_every_query_has_the_values_that_trec_eval_gives_it(problem, ties: TieRule) -> None:
    built, queries, candidates = problem
    expected = trec_eval(built, queries @ candidates.T, ties)
    found = evaluate(built, queries, candidates, measures=MEASURES, ties=ties)
    rows = {row["parallel_id"]: row for row in found.per_query.to_pylist()}
    assert rows.keys() == expected.keys()
    for query, row in rows.items():
        for ours, theirs in MEASURES.items():
            assert row[ours] == pytest.approx(expected[query][theirs], abs=1e-6), (query, ours)
    mean = math.fsum(one["ndcg_cut_3"] for one in expected.values()) / len(expected)
    assert found.metrics["b/monolingual/ndcg@3"] == pytest.approx(mean, abs=1e-6)


def test_the_pessimistic_rule_never_scores_above_that_of_trec_eval() -> None:
    ids = ["a", "b", "c"]
    built = benchmark("b", [Query("q", "en", "")], [Candidate(one, "en", "") for one in ids], [[2]])
    query, candidates = np.ones((1, 1), dtype=np.float32), np.ones((3, 1), dtype=np.float32)
    reached = {ties: evaluate(built, query, candidates, ties=ties).metrics["b/monolingual/map"] for ties in TIES}
    assert reached == {"pessimistic": pytest.approx(1 / 3), "trec": 1.0}
