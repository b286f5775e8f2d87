"""Real files, read, counted, and scored on random embeddings as pytrec_eval scores the same run."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.registry import load_benchmark
from trainables.evaluation.evaluate import evaluate

MEASURES = {"ndcg@10": "ndcg_cut_10", "recall@100": "recall_100", "map": "map", "success@5": "success_5"}


def vectors(texts: tuple[str, ...]) -> np.ndarray:
    """Random directions that depend on the text alone, so that equal texts have equal scores."""
    rows = [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(8) for text in texts]
    return np.array(rows, dtype=np.float32)


def trec_eval(built: Benchmark, queries: np.ndarray, candidates: np.ndarray) -> dict[str, float]:
    """The mean over the queries of each language in the pool of that language, then over languages."""
    values: dict[str, dict[int, list[float]]] = {name: {} for name in MEASURES.values()}
    evaluated: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for q in range(len(built.query_texts)):
        pool = np.flatnonzero(built.candidate_language == built.query_language[q])
        places = range(*built.relevant_start[q : q + 2])
        evaluated[str(q)] = {built.candidate_ids[built.relevant[n]]: int(built.grade[n]) for n in places}
        scores = candidates[pool] @ queries[q]
        run[str(q)] = {built.candidate_ids[c]: float(score) for c, score in zip(pool, scores, strict=True)}
    measures = {"ndcg_cut_10", "recall_100", "map", "success_5"}
    for q, found in pytrec_eval.RelevanceEvaluator(evaluated, measures).evaluate(run).items():
        for name in values:
            values[name].setdefault(int(built.query_language[int(q)]), []).append(found[name])
    return {name: float(np.mean([np.mean(one) for one in cells.values()])) for name, cells in values.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("beir-scifact", (300, 5183, 339, 809)),
        ("cmrc2018-retrieval:zh", (3219, 848, 3219, 0)),
        ("miracl-tydi-sample", (1267, 6385, 1343, 0)),
    ],
)
def test_real_sets_have_their_counts_and_the_scores_of_trec_eval(
    shared_data: Path, name: str, sizes: tuple[int, int, int, int]
) -> None:
    built = load_benchmark(name, "test", shared_data)
    assert (len(built.query_texts), len(built.candidate_ids), len(built.relevant), built.unjudged_queries) == sizes
    queries, candidates = vectors(built.query_texts), vectors(built.candidate_texts)
    found = evaluate(built, queries, candidates, measures=MEASURES, ties="trec")
    expected = trec_eval(built, queries, candidates)
    for ours, theirs in MEASURES.items():
        assert found.metrics[f"{built.name}/monolingual/{ours}"] == pytest.approx(expected[theirs], abs=1e-6)


def test_each_language_of_the_miracl_sample_has_its_counts(shared_data: Path) -> None:
    for language, sizes in {"en": (658, 3429, 658), "ko": (163, 1269, 166), "sw": (446, 1687, 519)}.items():
        built = load_benchmark(f"miracl-tydi-sample:{language}", "test", shared_data)
        assert (len(built.query_texts), len(built.candidate_ids), len(built.relevant)) == sizes


def test_the_text_of_a_document_is_its_title_and_its_text(shared_data: Path) -> None:
    built = load_benchmark("beir-scifact", "test", shared_data)
    text = built.candidate_texts[built.candidate_ids.index("4983")]
    assert text.startswith("Microstructural development of human newborn cerebral white matter assessed in vivo by")
    assert "tensor magnetic resonance imaging. Alterations of the architecture" in text
