"""Whole evaluations against trec_eval, on the same embeddings: ties, grades, judged negatives, ignored candidates."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.evaluate import available_metrics, evaluate
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


@st.composite
def problems_in_languages(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    """Three languages, candidates of each in any order, relevant ones anywhere; few different scores."""
    languages = draw(st.lists(st.sampled_from(["de", "en", "image", "ko"]), min_size=3, max_size=14))
    languages = ["de", "en", *languages[2:]]
    ids = draw(st.permutations([f"{chr(97 + n % 5)}{n}" for n in range(len(languages))]))
    asked = draw(st.lists(st.sampled_from(["de", "en", "ko", "th"]), min_size=1, max_size=5))
    place = st.integers(0, len(ids) - 1)
    judged = [draw(st.dictionaries(place, st.integers(-1, 3), min_size=1, max_size=6)) for _ in asked]
    judged[0] |= {0: 1, 1: 2}
    ignored = [draw(st.sets(place, max_size=2)) - one.keys() for one in judged]
    queries = [Query(f"q{n}", language, "") for n, language in enumerate(asked)]
    candidates = [Candidate(one, language, "") for one, language in zip(ids, languages, strict=True)]
    row = st.lists(st.integers(-2, 2), min_size=len(ids), max_size=len(ids))
    scores = draw(st.lists(row, min_size=len(asked), max_size=len(asked)))
    built = benchmark("b", queries, candidates, judged, ignored=ignored)
    return built, np.eye(len(asked), dtype=np.float32), np.array(scores, dtype=np.float32).T


def bilingual_pool(built: Benchmark, query: int, other: int) -> Benchmark | None:
    """One query and the candidates in its language and another one, and nothing else; None if there is no such pool."""
    own = int(built.query_language[query])
    kept = [c for c, language in enumerate(built.candidate_language.tolist()) if language in (own, other)]
    if own == other or {own, other} != {*built.candidate_language[kept].tolist()}:
        return None
    relevant = range(*built.relevant_start[query : query + 2])
    judged = {int(built.relevant[n]): int(built.grade[n]) for n in relevant}
    judged |= dict.fromkeys(built.irrelevant[query].tolist(), 0)
    return benchmark(
        "b",
        [Query(built.parallel_ids[query], built.languages[own], "")],
        [Candidate(built.candidate_ids[c], "", "") for c in kept],
        [{kept.index(c): grade for c, grade in judged.items() if c in kept}],
        ignored=[{kept.index(c) for c in built.ignored[query].tolist() if c in kept}],
    )


@pytest.mark.slow
@given(problems_in_languages(), st.sampled_from(TIES))
def test_bilingual_pools_have_the_values_that_trec_eval_gives_them_built_one_by_one(problem, ties: TieRule) -> None:
    built, queries, candidates = problem
    scores = queries @ candidates.T
    expected: dict[tuple[str, str], dict[str, float]] = {}
    exists = False
    for q, name in enumerate(built.parallel_ids):
        for other, language in enumerate(built.languages):
            pool = bilingual_pool(built, q, other)
            nothing_anywhere = q in built.judged_only_irrelevant
            if pool is None or not (len(pool.relevant) or nothing_anywhere):
                continue
            exists = exists or len(pool.relevant) > 0
            kept = [built.candidate_ids.index(one) for one in pool.candidate_ids]
            found = trec_eval(pool, scores[q : q + 1, kept], ties)[name] if len(pool.relevant) else {}
            expected[name, language] = {ours: found.get(theirs, 0.0) for ours, theirs in MEASURES.items()}
    found = evaluate(built, queries, candidates, measures=MEASURES, ties=ties, bilingual=True)
    if not exists:
        assert not [name for name in found.metrics if "/bilingual/" in name]
        return
    rows = [row for row in found.per_query.to_pylist() if row["setting"] == "bilingual"]
    assert {(row["parallel_id"], row["pool_language"]) for row in rows} == expected.keys()
    for row in rows:
        for measure, value in expected[row["parallel_id"], row["pool_language"]].items():
            assert row[measure] == pytest.approx(value, abs=1e-6), (row, measure)
    cells: dict[str, list[float]] = {}
    for row in rows:
        cells.setdefault(f"{row['query_language']}-{row['pool_language']}", []).append(row["ndcg@3"])
    means = {cell: math.fsum(values) / len(values) for cell, values in cells.items()}
    for cell, mean in means.items():
        assert found.metrics[f"b/bilingual/ndcg@3/{cell}"] == pytest.approx(mean, abs=1e-6)
    assert found.metrics["b/bilingual/ndcg@3"] == pytest.approx(math.fsum(means.values()) / len(means), abs=1e-6)


@pytest.mark.slow
@given(problems_in_languages(), st.sampled_from(TIES))
def test_bilingual_pools_change_nothing_else(problem, ties: TieRule) -> None:
    with_them = evaluate(*problem, ties=ties, bilingual=True)
    without = evaluate(*problem, ties=ties)
    others = {name: value for name, value in with_them.metrics.items() if "/bilingual/" not in name}
    assert others == without.metrics
    rows = with_them.per_query.filter(pa.compute.not_equal(with_them.per_query["setting"], "bilingual"))
    assert rows.equals(without.per_query)
    names = {str(name) for name in available_metrics(problem[0], bilingual=True)}
    assert names == with_them.metrics.keys()


def test_the_pessimistic_rule_never_scores_above_that_of_trec_eval() -> None:
    ids = ["a", "b", "c"]
    built = benchmark("b", [Query("q", "en", "")], [Candidate(one, "en", "") for one in ids], [[2]])
    query, candidates = np.ones((1, 1), dtype=np.float32), np.ones((3, 1), dtype=np.float32)
    reached = {ties: evaluate(built, query, candidates, ties=ties).metrics["b/monolingual/map"] for ties in TIES}
    assert reached == {"pessimistic": pytest.approx(1 / 3), "trec": 1.0}
