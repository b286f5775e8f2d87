"""What a run is worth for every query is what trec_eval says of the same files."""

import gzip
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.runs.evaluator import Evaluator, ranking_measures, ranks
from analysis.runs.judgements import read_judgements
from analysis.runs.run_files import read_run
from trainables.errors import UserError
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.measures.registry import find_measure
from trainables.evaluation.tie_rule import TieRule

# Measure of the project: what pytrec_eval and ir_measures call it.
TREC = {
    "map": "map",
    "ndcg@3": "ndcg_cut_3",
    "ndcg@10": "ndcg_cut_10",
    "recall@2": "recall_2",
    "mrr@1000": "recip_rank",
}

Judged = dict[str, dict[str, int]]
Found = dict[str, dict[str, float]]

identifiers = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=4)
# Few values, so that many tie; some differ in double precision only.
scores = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.1, 0.1 + 1e-12, -0.0, 1e30, -1e-30]))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Judged, Found]:
    queries = draw(st.lists(identifiers, min_size=1, max_size=6, unique=True))
    documents = draw(st.lists(identifiers, min_size=1, max_size=15, unique=True))
    # Below -1 pytrec_eval crashes.
    grades = st.dictionaries(st.sampled_from(documents), st.integers(-1, 4), min_size=1)
    found = st.dictionaries(st.sampled_from(documents), scores, min_size=1)
    qrels = {query: draw(grades) for query in queries}
    # Somewhere something must be relevant, and some query answered.
    qrels[queries[0]] |= {documents[0]: 1}
    run = {query: draw(found) for query in queries if query == queries[0] or draw(st.booleans())}
    return qrels, run


def values(qrels: Judged, run: Found, names: list[str], ties: TieRule) -> np.ndarray:
    """By way of files: [measures, queries]."""
    with TemporaryDirectory() as folder:
        judged, ranked = Path(folder) / "qrels", Path(folder) / "run"
        judged.write_text("".join(f"{q} 0 {d} {g}\n" for q, of in qrels.items() for d, g in of.items()), "utf-8")
        rows = [f"{q} Q0 {d} {place} {s!r} tag\n" for q, of in run.items() for place, (d, s) in enumerate(of.items())]
        ranked.write_text("".join(rows), "utf-8")
        judgements = read_judgements(judged)
        assert judgements.grades == qrels
        found = read_run(ranked, judgements.queries)
        return Evaluator(judgements, ranking_measures(names), ties).values(found.scores)


def of_trec_eval(qrels: Judged, run: Found, names: list[str]) -> np.ndarray:
    wanted = {"map", "ndcg_cut_3,10", "recall_2", "recip_rank"}
    found = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    # A query that the run lacks counts 0 (trec_eval -c).
    return np.array([[found[query][TREC[name]] if query in run else 0.0 for query in qrels] for name in names])


@settings(max_examples=150, deadline=None)
@given(problems())
def test_with_its_rule_for_ties_values_are_those_of_trec_eval(problem: tuple[Judged, Found]) -> None:
    qrels, run = problem
    assert values(qrels, run, list(TREC), "trec") == pytest.approx(of_trec_eval(qrels, run, list(TREC)), abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_pessimistic_values_are_those_of_the_worst_order_of_tied_documents(problem: tuple[Judged, Found]) -> None:
    qrels, run = problem
    worst = {}
    for query, found in run.items():
        gain = {document: max(qrels[query].get(document, 0), 0) for document in found}
        order = sorted(found, key=lambda d: (-np.float32(found[d]), gain[d]))
        worst[query] = {document: -float(place) for place, document in enumerate(order)}
    found_values = values(qrels, run, list(TREC), "pessimistic")
    assert found_values == pytest.approx(of_trec_eval(qrels, worst, list(TREC)), abs=1e-9)
    assert (found_values <= values(qrels, run, list(TREC), "trec") + 1e-9).all()


def test_reciprocal_rank_with_a_cut_off_is_that_of_ir_measures() -> None:
    rng = np.random.default_rng(0)
    qrels = {str(q): {str(d): int(rng.integers(0, 2)) for d in rng.choice(60, 8, replace=False)} for q in range(40)}
    run = {str(q): {str(d): float(s) for d, s in enumerate(rng.permutation(60))} for q in range(40)}
    found = ir_measures.iter_calc([ir_measures.parse_measure("RR@5")], qrels, run)
    expected = {one.query_id: one.value for one in found}
    assert values(qrels, run, ["mrr@5"], "trec")[0] == pytest.approx([expected[q] for q in qrels])


def test_ranks_do_not_depend_on_the_order_of_the_file() -> None:
    scored = {str(i): float(i % 3) for i in range(20)}
    grades = {str(i): i % 4 for i in range(0, 20, 3)}
    shuffled = dict(sorted(scored.items(), key=lambda item: hash(item[0])))
    for ties in ("pessimistic", "trec"):
        assert ranks(scored, grades, ties) == ranks(shuffled, grades, ties)


def test_other_measures_of_a_benchmark_are_none_of_a_run() -> None:
    with pytest.raises(UserError, match=r"no measure of a run: .* choose from map, recall@1, ndcg@10"):
        ranking_measures(["rank_distance"])
    assert [str(measure) for measure in ranking_measures(["map", "ndcg@5", "map"])] == ["map", "ndcg@5"]


def test_a_measure_without_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(find_measure("map")), "values", lambda self, searches: np.full(1, math.nan))
    with pytest.raises(UserError, match="map has no value for query 'q'"):
        values({"q": {"d": 1}}, {"q": {"d": 1.0}}, ["map"], "trec")
    assert issubclass(type(find_measure("map")), RankingMeasure)


def test_compressed_files_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "run.gz").write_bytes(gzip.compress(b"q Q0 d 1 2.5 t\n"))
    assert read_run(tmp_path / "run.gz", ["q"]).scores == {"q": {"d": 2.5}}
