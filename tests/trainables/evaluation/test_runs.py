"""What run files hold gives the numbers of the evaluation, computed by trec_eval."""

import gzip
from collections.abc import Mapping
from urllib.parse import unquote

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.evaluate import evaluate
from trainables.evaluation.runs import qrels_file, run_file

LANGUAGES = ("de", "en", "zh-TW")
MEASURES = {"map": "map", "ndcg@10": "ndcg_cut_10", "recall@5": "recall_5", "mrr@99": "recip_rank"}


def parsed(content: bytes, value: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in gzip.decompress(content).decode().splitlines():
        cells = line.split(" ")
        found.setdefault(cells[0], {})[cells[2]] = float(cells[value])
    return found


def trec_eval(run: bytes, qrels: bytes) -> Mapping[str, Mapping[str, float]]:
    grades = {topic: {c: int(g) for c, g in judged.items()} for topic, judged in parsed(qrels, 3).items()}
    result: Mapping[str, Mapping[str, float]] = pytrec_eval.RelevanceEvaluator(
        grades, {"map", "ndcg_cut_10", "recall_5", "recip_rank"}
    ).evaluate(parsed(run, 4))
    return result


@st.composite
def problems(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    """Translations that are relevant together, or languages without; few different scores; ids with blanks."""
    parallel = draw(st.booleans())
    languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=3, unique=True))
    size = draw(st.integers(3, 6))
    candidates = [Candidate(f"{language}:a b%{n}", language, "") for language in languages for n in range(size)]
    queries = [Query(f"q {n}" if parallel else f"{x} q{n}", x, "") for x in languages for n in range(2)]
    judgements = []
    for query in queries:
        pool = [c for c, one in enumerate(candidates) if parallel or one.language == query.language]
        judgements.append(draw(st.dictionaries(st.sampled_from(pool), st.integers(0, 2), min_size=1)))
        judgements[-1][pool[-1]] = 1
    ignored = [draw(st.sets(st.integers(0, len(candidates) - 1), max_size=1)) - judged.keys() for judged in judgements]
    built = benchmark("b", queries, candidates, judgements, ignored=ignored)
    row = st.lists(st.integers(-2, 2), min_size=len(candidates), max_size=len(candidates))
    scores = draw(st.lists(row, min_size=len(queries), max_size=len(queries)))
    return built, np.eye(len(queries), dtype=np.float32), np.array(scores, dtype=np.float32).T / 3


@given(problems())
def test_trec_eval_computes_from_the_files_what_the_evaluation_found(problem) -> None:
    built, queries, candidates = problem
    found = evaluate(built, queries, candidates, measures=MEASURES, ties="trec")
    expected = trec_eval(run_file(built, queries, candidates, "tag"), qrels_file(built))
    compared = 0
    for row in found.per_query.to_pylist():
        pool = "all" if row["setting"] == "multilingual" else row["pool_language"]
        topic = f"{row['query_language']}|{pool}|{row['parallel_id'].replace(' ', '%20')}"
        if topic in expected:
            compared += 1
            for ours, theirs in MEASURES.items():
                assert row[ours] == pytest.approx(expected[topic][theirs], abs=1e-6), (topic, ours)
    assert compared >= len(built.query_language)


def toy(number: int) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    candidates = [Candidate(f"d{n}", "en", "") for n in range(number)]
    built = benchmark("b", [Query("q", "en", "")], candidates, [{0: 1}], ignored=[{number - 1}])
    scores = np.random.default_rng(0).standard_normal((number, 1)).astype(np.float32)
    return built, np.ones((1, 1), dtype=np.float32), scores


def test_a_run_is_as_deep_as_asked_and_holds_every_digit() -> None:
    built, queries, candidates = toy(50)
    found = parsed(run_file(built, queries, candidates, "tag", depth=10), 4)["en|en|q"]
    best = sorted(candidates[:-1, 0].tolist(), reverse=True)[:10]
    assert [np.float32(score) for score in found.values()] == [np.float32(score) for score in best]
    assert "d49" not in found, "it is ignored"


def test_the_same_numbers_give_the_same_bytes_and_names_lose_nothing() -> None:
    built, queries, candidates = toy(5)
    assert run_file(built, queries, candidates, "a tag") == run_file(built, queries, candidates, "a tag")
    first = gzip.decompress(run_file(built, queries, candidates, "a tag")).decode().splitlines()[0]
    assert len(first.split(" ")) == 6
    assert unquote(first.split(" ")[5]) == "a tag"
