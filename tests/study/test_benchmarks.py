"""Which metric of a benchmark arms are judged by."""

from study.benchmarks import judged_benchmarks
from trainables.evaluation.measures.registry import chosen_measures

MEASURES = {str(one): one.record() for one in chosen_measures(["ndcg@10", "success@1"])}
METRICS = [f"beir/monolingual/{name}" for name in ("map", "ndcg@10", "success@1")]


def judged(main: str | None, metrics: list[str] = METRICS) -> str:
    (found,) = judged_benchmarks({"beir": main}, metrics, MEASURES)
    return found.metric


def test_arms_are_judged_by_what_the_authors_of_a_benchmark_report() -> None:
    assert judged("ndcg@10") == "ndcg@10"
    assert judged("success@1") == "success@1"


def test_without_a_main_measure_or_without_its_values_the_first_measure_of_quality_decides() -> None:
    assert judged(None) == "map"
    assert judged("ndcg@10", ["beir/monolingual/recall@10", "beir/monolingual/map"]) == "map"


def test_each_benchmark_has_its_own_main_measure() -> None:
    metrics = [*METRICS, "xquad-r/monolingual/map", "xquad-r/monolingual/ndcg@10"]
    found = judged_benchmarks({"xquad-r": None, "beir": "ndcg@10"}, metrics, MEASURES)
    assert [(one.name, one.metric) for one in found] == [("xquad-r", "map"), ("beir", "ndcg@10")]
