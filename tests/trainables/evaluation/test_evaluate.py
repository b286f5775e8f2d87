"""Every number against an implementation in plain Python, and against closed forms."""

import dataclasses
import doctest
import json
import math
import statistics
import sys
import tracemalloc
from fractions import Fraction
from io import BytesIO
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics, evaluate
from trainables.evaluation.measures.collapse import is_collapsed
from trainables.evaluation.metric_name import MetricName

LANGUAGES = ("ar", "de", "en", "zh-tw")


def build(query_languages: list[str], candidate_languages: list[str], relevant: list[list[int]]) -> Benchmark:
    return benchmark(
        "b",
        [Query(f"q{i}", language, "") for i, language in enumerate(query_languages)],
        [Candidate(f"c{i}", language, "") for i, language in enumerate(candidate_languages)],
        relevant,
    )


def parallel(languages: tuple[str, ...], items: int) -> Benchmark:
    """Item i in every language: one query and one candidate each, relevant to each other across languages."""
    return build(
        [x for x in languages for _ in range(items)],
        [x for x in languages for _ in range(items)],
        [[k * items + i for k in range(len(languages))] for _ in languages for i in range(items)],
    )


@st.composite
def problems(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    language = st.sampled_from(LANGUAGES[: draw(st.integers(1, 4))])
    candidates = draw(st.lists(language, min_size=1, max_size=25))
    queries = draw(st.lists(language, min_size=1, max_size=8))
    one = st.integers(0, len(candidates) - 1)
    relevant = [draw(st.lists(one, min_size=1, max_size=6, unique=True)) for _ in queries]
    dimension = draw(st.integers(1, 3))

    def vectors(number: int) -> np.ndarray:
        rows = st.lists(st.integers(-2, 2), min_size=dimension, max_size=dimension)
        return np.array(draw(st.lists(rows, min_size=number, max_size=number)), dtype=np.float32)

    return build(queries, candidates, relevant), vectors(len(queries)), vectors(len(candidates))


def average_precision(pool: list[int], score: list[int], relevant: set[int]) -> Fraction:
    ranked = sorted(pool, key=lambda c: (-score[c], c in relevant))
    hits, total = 0, Fraction(0)
    for rank, candidate in enumerate(ranked, start=1):
        if candidate in relevant:
            hits += 1
            total += Fraction(hits, rank)
    return total / hits


def recall(pool: list[int], score: list[int], relevant: set[int], cutoff: int) -> Fraction:
    ranked = sorted(pool, key=lambda c: (-score[c], c in relevant))
    return Fraction(len(relevant & set(ranked[:cutoff])), len(relevant & set(pool)))


def mean(values: list) -> float:
    return float(sum(values) / len(values))


def language_share(score: list[int], own: set[int]) -> Fraction:
    """Expected share of the first ten if ties were broken by lot."""
    left, total = min(10, len(score)), Fraction(0)
    for _, tied in groupby(sorted(range(len(score)), key=lambda c: -score[c]), key=lambda c: score[c]):
        members = list(tied)
        taken = min(left, len(members))
        total += Fraction(taken * len(own & set(members)), len(members))
        left -= taken
    return total / min(10, len(score))


def expected_metrics(b: Benchmark, queries: np.ndarray, candidates: np.ndarray) -> dict[str, float]:
    scores = [[int(x) for x in row] for row in queries.astype(int) @ candidates.astype(int).T]
    relevant = [set(b.relevant[s:e].tolist()) for s, e in zip(b.relevant_start, b.relevant_start[1:], strict=False)]
    asked = [b.languages[x] for x in b.query_language]
    of = [b.languages[x] for x in b.candidate_language]
    pools = {x: [c for c in range(len(of)) if of[c] == x] for x in b.languages}
    everything = list(range(len(of)))
    multilingual = any(len({of[c] for c in r}) > 1 for r in relevant)
    measures = {
        "map": average_precision,
        "recall@1": lambda *a: recall(*a, 1),
        "recall@10": lambda *a: recall(*a, 10),
        "complete@10": lambda *a: recall(*a, 10) == 1,
    }
    result: dict[str, float] = {}
    for name, value in measures.items():
        found: dict[str, dict[tuple[str, str], list]] = {"monolingual": {}, "cross-lingual": {}, "multilingual": {}}
        for q, language in enumerate(asked):
            for other, pool in pools.items():
                if relevant[q] & set(pool):
                    setting = "monolingual" if language == other else "cross-lingual"
                    cell = found[setting].setdefault((language, other), [])
                    cell.append(value(pool, scores[q], relevant[q] & set(pool)))
            if multilingual:
                found["multilingual"].setdefault((language, "*"), []).append(value(everything, scores[q], relevant[q]))
        for setting, cells in found.items():
            if cells:
                prefix = f"b/{setting}/{name}"
                result[prefix] = mean([mean(v) for v in cells.values()])
                result[f"{prefix}:micro"] = mean([x for v in cells.values() for x in v])
                for language in {one for one, _ in cells}:
                    result[f"{prefix}/{language}"] = mean([mean(v) for (x, _), v in cells.items() if x == language])
                if setting == "cross-lingual":
                    result |= {f"{prefix}/{one}-{other}": mean(v) for (one, other), v in cells.items()}
        if all(found.values()):
            result[f"b/overall/{name}"] = mean([result[f"b/{setting}/{name}"] for setting in found])

    def ties(q: int, c: int, pool: list[int]) -> int:
        return sum(1 for x in pool if x not in relevant[q] and scores[q][x] == scores[q][c])

    if not multilingual:
        return result | {"b/ties": float(sum(ties(q, c, pools[of[c]]) for q, r in enumerate(relevant) for c in r))}
    result["b/bias/ties"] = float(sum(ties(q, c, everything) for q, r in enumerate(relevant) for c in r))

    def by_language(values: dict[int, float], statistic=mean) -> dict[str, float]:
        groups = {x: [v for q, v in values.items() if asked[q] == x] for x in b.languages}
        return {x: float(statistic(v)) for x, v in groups.items() if v}

    share = by_language({q: language_share(scores[q], set(pools[x])) for q, x in enumerate(asked)})
    result["b/bias/same_language_share@10"] = mean(list(share.values()))
    if "en" in b.languages:
        english = {q: language_share(scores[q], set(pools["en"])) for q, x in enumerate(asked) if x != "en"}
        if english:
            result["b/bias/english_share@10"] = mean(list(by_language(english).values()))
    first: dict[str, dict[int, Fraction]] = {}
    for q, language in enumerate(asked):
        best = [c for c in everything if scores[q][c] == max(scores[q])]
        right = "right" if set(best) <= relevant[q] else "wrong"
        own = Fraction(len(set(best) & set(pools[language])), len(best))
        for name in ("right_own", "right_other", "wrong_own", "wrong_other"):
            share = own if name.endswith("own") else 1 - own
            first.setdefault(f"b/bias/first_{name}", {})[q] = share * name.startswith(right)
    result |= {name: mean(list(by_language(values).values())) for name, values in first.items()}
    result["b/bias/same_language_pool_share"] = mean([Fraction(len(pools[x]), len(of)) for x in set(asked)])
    distance, log = {}, {}
    for q, r in enumerate(relevant):
        if len({of[c] for c in r}) > 1:
            ranked = sorted(everything, key=lambda c: (-scores[q][c], c in r))
            ranks = [ranked.index(c) + 1 for c in r]
            # Tied candidates stand behind the first relevant one and before the last.
            first = 1 + sum(scores[q][x] > max(scores[q][c] for c in r) for x in everything)
            distance[q], log[q] = max(ranks) - first, math.log(max(ranks) / first)
    result["b/bias/rank_distance"] = mean(list(by_language(distance).values()))
    result["b/bias/rank_distance_median"] = mean(list(by_language(distance, statistics.median).values()))
    result["b/bias/rank_distance_log"] = mean(list(by_language(log).values()))
    result |= {f"b/bias/rank_distance/{x}": v for x, v in by_language(distance).items()}
    cells: dict[tuple[str, str], list] = {}
    for q, r in enumerate(relevant):
        for other in {of[c] for c in r}:
            left = {c for c in r if of[c] == other}
            pool = [c for c in everything if c not in r or c in left]
            cells.setdefault((asked[q], other), []).append(average_precision(pool, scores[q], left))
    result |= {f"b/bias/relevant_language_map/{one}-{other}": mean(v) for (one, other), v in cells.items()}
    diagonal = [mean(v) for (one, other), v in cells.items() if one == other]
    rest = [mean(v) for (one, other), v in cells.items() if one != other]
    if diagonal and rest:
        result["b/bias/diagonal_gap"] = mean(diagonal) - mean(rest)
    return result


@pytest.mark.slow
@given(problems())
@hypothesis_settings(max_examples=300, deadline=None)
def test_all_metrics_equal_those_of_plain_python_under_ties_and_missing_languages(problem) -> None:
    found = evaluate(*problem).metrics
    assert found == pytest.approx(expected_metrics(*problem), abs=1e-12)
    json.dumps(found, allow_nan=False)


@given(problems())
@hypothesis_settings(max_examples=50, deadline=None)
def test_the_data_alone_say_which_metrics_there_are(problem) -> None:
    found = evaluate(*problem, measures=["ndcg@10", "recall@200"])
    available = available_metrics(problem[0], measures=["ndcg@10", "recall@200"])
    assert {str(name) for name in available} == set(found.metrics)
    assert {str(name.of(None)) for name in available if name.is_headline} == set(found.headlines)
    languages = problem[0].languages
    assert {MetricName.parse(name, languages) for name in found.metrics} == available


@given(problems())
@hypothesis_settings(max_examples=50, deadline=None)
def test_the_headlines_are_the_values_of_all_languages_without_the_benchmark(problem) -> None:
    found = evaluate(*problem)
    by_hand = {name.removeprefix("b/"): value for name, value in found.metrics.items()}
    assert found.headlines == {n: v for n, v in by_hand.items() if n.count("/") == 1 and ":" not in n}


@given(problems(), st.integers(0, 400))
@hypothesis_settings(max_examples=50, deadline=None)
def test_the_size_of_a_block_changes_nothing(problem, block_bytes: int) -> None:
    one, other = evaluate(*problem), evaluate(*problem, block_bytes=block_bytes)
    assert one.metrics == other.metrics
    assert one.per_query.equals(other.per_query)
    assert (one.relevant_ranks is None) == (other.relevant_ranks is None)
    assert one.relevant_ranks is None or one.relevant_ranks.equals(other.relevant_ranks)


@given(problems(), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=40, deadline=None)
def test_the_order_of_candidates_and_of_queries_changes_nothing(problem, random) -> None:
    b, queries, candidates = problem
    new_candidates = random.sample(range(len(candidates)), len(candidates))
    new_queries = random.sample(range(len(queries)), len(queries))
    relevant = np.split(b.relevant, b.relevant_start[1:-1])
    shuffled = build(
        [b.languages[b.query_language[q]] for q in new_queries],
        [b.languages[b.candidate_language[c]] for c in new_candidates],
        [[new_candidates.index(c) for c in relevant[q]] for q in new_queries],
    )
    expected = evaluate(*problem).metrics
    assert evaluate(shuffled, queries[new_queries], candidates[new_candidates]).metrics == pytest.approx(expected)


def test_a_perfect_ranking_scores_one_and_its_rank_distance_is_the_number_of_languages_less_one() -> None:
    b = parallel(LANGUAGES, 12)
    one_hot = np.tile(np.eye(12, dtype=np.float32), (4, 1))
    metrics = evaluate(b, one_hot, one_hot).metrics
    for setting in ("monolingual", "cross-lingual", "multilingual"):
        assert metrics[f"b/{setting}/map"] == 1.0
    assert metrics["b/multilingual/recall@1"] == 0.25
    assert metrics["b/multilingual/recall@10"] == 1.0
    assert metrics["b/bias/rank_distance"] == metrics["b/bias/rank_distance_median"] == 3.0
    assert metrics["b/bias/rank_distance_log"] == pytest.approx(math.log(4))
    assert metrics["b/bias/diagonal_gap"] == 0.0
    assert metrics["b/bias/ties"] == 0.0


def test_recall_at_10_in_the_pool_of_11_languages_is_at_most_10_of_11() -> None:
    languages = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
    one_hot = np.tile(np.eye(5, dtype=np.float32), (11, 1))
    assert evaluate(parallel(languages, 5), one_hot, one_hot).metrics["b/multilingual/recall@10"] == pytest.approx(
        10 / 11
    )


def test_a_collapsed_encoder_ranks_every_relevant_candidate_last() -> None:
    b = parallel(LANGUAGES, 37)
    vector = np.random.default_rng(0).standard_normal(77).astype(np.float32)
    collapsed = np.tile(vector, (148, 1))
    metrics = evaluate(b, collapsed, collapsed).metrics
    assert metrics["b/monolingual/map"] == pytest.approx(1 / 37)
    assert metrics["b/cross-lingual/map"] == pytest.approx(1 / 37)
    assert metrics["b/multilingual/map"] == pytest.approx(np.mean([k / (144 + k) for k in (1, 2, 3, 4)]))
    assert metrics["b/bias/ties"] == 148 * 4 * 144
    assert metrics["b/bias/same_language_share@10"] == pytest.approx(0.25)
    # The greatest distance that there is, not the 3 of a perfect ranking.
    assert metrics["b/bias/rank_distance"] == metrics["b/bias/rank_distance_median"] == 148 - 1
    assert metrics["b/bias/rank_distance_log"] == pytest.approx(math.log(148))
    assert is_collapsed(metrics["b/bias/ties"], 148, 148)


@pytest.mark.parametrize("rows", [1, 2, 10, 74, 148])
def test_the_more_embeddings_are_equal_the_greater_is_the_rank_distance(rows: int) -> None:
    """An encoder that ranks perfectly, with its first rows made equal: no tie makes it look less biased."""
    b = parallel(LANGUAGES, 37)
    perfect = np.tile(np.eye(37, dtype=np.float32), (len(LANGUAGES), 1))
    spoilt = perfect.copy()
    spoilt[:rows] = perfect[0]
    found = [evaluate(b, vectors, vectors).metrics["b/bias/rank_distance"] for vectors in (perfect, spoilt)]
    assert found[0] == 3
    assert found[1] >= found[0]


def test_random_scores_give_the_expected_rank_distance() -> None:
    b = parallel(LANGUAGES, 250)
    rng = np.random.default_rng(1)
    queries, candidates = (rng.standard_normal((1000, 64), dtype=np.float32) for _ in range(2))
    distance = np.array(evaluate(b, queries, candidates).per_query["rank_distance"].drop_null())
    expected = (1000 + 1) * (4 - 1) / (4 + 1)
    assert abs(distance.mean() - expected) < 5 * distance.std() / math.sqrt(len(distance))


def test_macro_weighs_cells_alike_and_micro_weighs_queries_alike() -> None:
    # Three German queries are answered perfectly, one English query is not.
    b = build(["de", "de", "de", "en"], ["de", "de", "en", "en"], [[0], [0], [0], [2]])
    queries = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], dtype=np.float32)
    candidates = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    metrics = evaluate(b, queries, candidates).metrics
    assert metrics["b/monolingual/map"] == (1 + 0.5) / 2
    assert metrics["b/monolingual/map:micro"] == (3 + 0.5) / 4
    assert metrics["b/monolingual/map/de"] == 1
    assert metrics["b/monolingual/map/en"] == 0.5


def test_a_strong_preference_for_the_own_language_shows_in_every_bias_metric() -> None:
    languages = ("de", "en")
    b = parallel(languages, 30)
    one_hot = np.hstack(
        [np.tile(np.eye(30, dtype=np.float32), (2, 1)), np.repeat(np.eye(2, dtype=np.float32) * 2, 30, 0)]
    )
    metrics = evaluate(b, one_hot, one_hot).metrics
    assert metrics["b/monolingual/map"] == metrics["b/cross-lingual/map"] == 1.0
    assert metrics["b/bias/rank_distance"] == 30
    assert metrics["b/bias/same_language_share@10"] == 1.0
    assert metrics["b/bias/same_language_pool_share"] == 0.5
    assert metrics["b/bias/diagonal_gap"] == pytest.approx(1 - 1 / 30)


@pytest.mark.parametrize(
    ("query_languages", "candidate_languages", "present"),
    [
        (["de", "de"], ["de"] * 4, {"monolingual"}),
        (["de", "en"], ["de", "de", "en", "en"], {"monolingual"}),
        (["de", "en"], ["th"] * 4, {"cross-lingual"}),
        (["de", "en"], ["en", "en", "de", "de"], {"cross-lingual"}),
    ],
)
def test_without_parallel_relevant_candidates_only_the_settings_that_exist_are_reported(
    query_languages, candidate_languages, present
) -> None:
    b = build(query_languages, candidate_languages, [[0], [2]])
    found = evaluate(b, np.ones((2, 3), dtype=np.float32), np.eye(4, 3, dtype=np.float32))
    assert {name.split("/")[1] for name in found.metrics} - {"ties"} == present
    assert found.per_query["rank_distance"].null_count == len(found.per_query)
    assert (found.relevant_ranks is None) == (len(set(candidate_languages)) > 1)


def test_a_benchmark_of_several_single_language_pools_scores_like_one_evaluation_per_pool() -> None:
    rng = np.random.default_rng(3)
    of = [LANGUAGES[i % 3] for i in range(90)]
    asked = [LANGUAGES[i % 3] for i in range(30)]
    relevant = [rng.choice([c for c in range(90) if of[c] == asked[q]], 2, replace=False).tolist() for q in range(30)]
    queries, candidates = rng.standard_normal((30, 6), dtype=np.float32), rng.standard_normal((90, 6), dtype=np.float32)
    together = evaluate(build(asked, of, relevant), queries, candidates).metrics
    for language in LANGUAGES[:3]:
        q = [i for i in range(30) if asked[i] == language]
        c = [i for i in range(90) if of[i] == language]
        alone = build([language] * len(q), [language] * len(c), [[c.index(x) for x in relevant[i]] for i in q])
        expected = evaluate(alone, queries[q], candidates[c]).metrics["b/monolingual/map"]
        assert together[f"b/monolingual/map/{language}"] == pytest.approx(expected)


def test_tables_have_the_columns_and_rows_of_the_records() -> None:
    b = build(["de", "en"], ["de", "en", "en"], [[0, 1], [2]])
    eye = np.eye(3, dtype=np.float32)
    found = evaluate(b, eye[[0, 2]], eye)
    rows = pq.read_table(written(found.per_query)).to_pylist()
    assert list(rows[0]) == [
        *("benchmark", "parallel_id", "query_language", "setting", "pool_language", "map", "recall@1", "recall@10"),
        *("complete@10", "rank_distance", "same_language_share@10", "english_share@10", "first_right_own"),
        *("first_right_other", "first_wrong_own", "first_wrong_other"),
    ]
    assert [(r["parallel_id"], r["query_language"], r["setting"], r["pool_language"]) for r in rows] == [
        ("q0", "de", "monolingual", "de"),
        ("q1", "en", "monolingual", "en"),
        ("q0", "de", "cross-lingual", "en"),
        ("q0", "de", "multilingual", "*"),
        ("q1", "en", "multilingual", "*"),
    ]
    assert [r["rank_distance"] for r in rows] == [None, None, None, 2.0, None]
    assert [r["same_language_share@10"] is None for r in rows] == [True, True, True, False, False]
    # Query q0: candidate 0 scores 1, both others score 0, the tied non-relevant one comes first.
    assert rows[3]["map"] == pytest.approx((1 + 2 / 3) / 2)
    assert pq.read_table(written(found.relevant_ranks)).to_pylist() == [
        {"benchmark": "b", "parallel_id": p, "query_language": q, "candidate_language": c, "rank": r, "rank_alone": a}
        for p, q, c, r, a in [("q0", "de", "de", 1, 1), ("q0", "de", "en", 3, 2), ("q1", "en", "en", 1, 1)]
    ]
    bare = evaluate(b, eye[[0, 2]], eye, keep_per_query=False)
    assert bare.per_query is None
    assert bare.relevant_ranks is None
    assert bare.metrics == found.metrics


def written(table) -> BytesIO:
    stream = BytesIO()
    pq.write_table(table, stream)
    stream.seek(0)
    return stream


def test_means_can_be_recomputed_from_the_rows() -> None:
    rng = np.random.default_rng(5)
    b = parallel(LANGUAGES, 20)
    found = evaluate(b, *(rng.standard_normal((80, 5), dtype=np.float32) for _ in range(2)))
    frame = found.per_query.to_pandas()
    for name in ("map", "recall@1", "recall@10"):
        for setting, rows in frame.groupby("setting"):
            by_cell = rows.groupby(["query_language", "pool_language"])[name].mean()
            assert found.metrics[f"b/{setting}/{name}"] == pytest.approx(by_cell.mean(), rel=1e-6)
            assert found.metrics[f"b/{setting}/{name}:micro"] == pytest.approx(rows[name].mean(), rel=1e-6)


def test_other_measures_are_computed_on_request_and_unknown_ones_refused() -> None:
    rng = np.random.default_rng(5)
    b = parallel(("de",), 20)
    queries, candidates = (rng.standard_normal((20, 5), dtype=np.float32) for _ in range(2))
    metrics = evaluate(b, queries, candidates, measures=("map@20", "ndcg@10", "mrr@10")).metrics
    # One relevant candidate among 20: the cut-off at 20 changes nothing.
    assert metrics["b/monolingual/map@20"] == evaluate(b, queries, candidates).metrics["b/monolingual/map"]
    assert 0 < metrics["b/monolingual/mrr@10"] < metrics["b/monolingual/ndcg@10"] < 1
    with pytest.raises(UserError, match="ndgc@10"):
        evaluate(b, queries, candidates, measures=("ndgc@10",))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["query", "candidate"])
@pytest.mark.parametrize("convert", [np.asarray, torch.tensor])
def test_embeddings_that_are_no_numbers_are_refused(wrong: float, kind: str, convert) -> None:
    b = parallel(("de",), 4)
    embeddings = {"query": np.eye(4, dtype=np.float32), "candidate": np.eye(4, dtype=np.float32)}
    embeddings[kind][2, 1] = wrong
    with pytest.raises(ValueError, match=f"embedding of {kind} 2 "):
        evaluate(b, convert(embeddings["query"]), convert(embeddings["candidate"]))


def test_embeddings_of_the_wrong_shape_or_length_are_refused() -> None:
    b = parallel(("de",), 4)
    eye = np.eye(4, dtype=np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(b, eye, np.eye(4, 5, dtype=np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(b, eye, eye[0])
    with pytest.raises(ValueError, match="4 queries and 4 candidates, but got 4 and 3"):
        evaluate(b, eye, eye[:3])
    with pytest.raises(ValueError, match="overflow"):
        evaluate(b, eye * np.float32(1e25), eye * np.float32(1e25))


def test_a_benchmark_in_which_nothing_is_relevant_is_refused() -> None:
    eye = np.eye(2, dtype=np.float32)
    for queries in (["de", "en"], []):
        with pytest.raises(ValueError, match="No query of b has a relevant candidate"):
            evaluate(build(queries, ["de", "en"], [[]] * len(queries)), eye[: len(queries)], eye)


def test_a_query_of_which_nothing_is_relevant_counts_nothing_found() -> None:
    b = build(["de", "en", "en"], ["de", "en"], [[0, 1], [0, 1], []])
    eye = np.eye(2, dtype=np.float32)
    found = evaluate(b, eye[[0, 1, 1]], eye)
    assert found.metrics["b/monolingual/map/en"] == found.metrics["b/multilingual/map/en"] == 0.5
    assert found.metrics["b/cross-lingual/map"] == 1.0
    assert found.metrics["b/bias/rank_distance"] == 1.0


def test_tensors_score_like_arrays_whatever_the_surrounding_precision() -> None:
    rng = np.random.default_rng(2)
    b = parallel(LANGUAGES, 40)
    queries, candidates = (rng.standard_normal((160, 32), dtype=np.float32) for _ in range(2))
    expected = evaluate(b, queries, candidates)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tensor = torch.tensor(queries, requires_grad=True)
        found = evaluate(b, tensor, torch.tensor(candidates).T.contiguous().T)
    assert found.metrics == expected.metrics
    assert found.per_query.equals(expected.per_query)
    doubled = evaluate(b, queries.astype(np.float64), np.asfortranarray(candidates))
    assert doubled.metrics == expected.metrics


def test_memory_is_bounded_by_the_block() -> None:
    b = build(["de"] * 3000, ["de", "en"] * 2000, [[i, i + 1] for i in range(3000)])
    rng = np.random.default_rng(0)
    queries, candidates = (
        rng.standard_normal((3000, 4), dtype=np.float32),
        rng.standard_normal((4000, 4), dtype=np.float32),
    )
    tracemalloc.start()
    try:
        evaluate(b, queries, candidates, block_bytes=2**20, keep_per_query=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20 < 4 * 3000 * 4000 / 4


@pytest.mark.slow
def test_partial_languages_leave_queries_out_of_the_cells_they_have_no_candidate_in(shared_data: Path) -> None:
    b = load_benchmark("mlqa-r", "test", shared_data)
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((4199, 4), dtype=np.float32)
    candidates = rng.standard_normal((20534, 4), dtype=np.float32)
    found = evaluate(b, queries, candidates)
    counts = found.per_query.to_pandas().groupby(["setting", "query_language", "pool_language"]).size()
    english = {"ar": 517, "de": 512, "es": 500, "hi": 507, "vi": 511, "zh": 504}
    assert counts["monolingual"].sum() == counts["multilingual"].sum() == 4199
    assert len(counts["cross-lingual"]) == 42
    for language, number in english.items():
        assert counts["cross-lingual", language, "en"] == counts["cross-lingual", "en", language] == number
    assert counts["cross-lingual", "ar", "es"] == 161
    assert counts["cross-lingual", "ar", "de"] == 207
    assert found.relevant_ranks.num_rows == 15747


@pytest.mark.slow
def test_xquad_r_has_110_pairs_of_1190_queries(shared_data: Path) -> None:
    b = load_benchmark("xquad-r", "test", shared_data)
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((13090, 4), dtype=np.float32)
    candidates = rng.standard_normal((13014, 4), dtype=np.float32)
    found = evaluate(b, queries, candidates)
    counts = found.per_query.to_pandas().groupby(["setting", "query_language", "pool_language"]).size()
    assert set(counts) == {1190}
    assert counts.groupby("setting").size().to_dict() == {"monolingual": 11, "cross-lingual": 110, "multilingual": 11}
    # 13,014 candidates in random order, 11 of them relevant.
    assert found.metrics["xquad-r/bias/rank_distance"] == pytest.approx(10846, rel=0.02)
    assert found.metrics["xquad-r/multilingual/map"] == pytest.approx(found.metrics["xquad-r/multilingual/map:micro"])


def test_an_evaluation_cannot_be_changed() -> None:
    eye = np.eye(4, dtype=np.float32)
    with pytest.raises(dataclasses.FrozenInstanceError):
        evaluate(parallel(("de",), 4), eye, eye).seconds = 0.0


def test_the_example_is_right() -> None:
    assert doctest.testmod(sys.modules[evaluate.__module__]).failed == 0
