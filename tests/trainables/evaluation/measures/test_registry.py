"""Names of measures, and a measure from outside that everything takes like its own."""

import doctest
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from study.checks import check_objectives
from study.plan.objective import parse_objectives
from study.settings import StudySettings
from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics, evaluate
from trainables.evaluation.measures.measure import Measure, RankingMeasure
from trainables.evaluation.measures.registry import MEASURES, chosen_measures, find_measure
from trainables.evaluation.searches import Searches
from trainables.registry import Registry


class ShortQueryRecall(RankingMeasure):
    """Recall of queries of at most two characters; the others have no value."""

    name = "short_query_recall"
    label = "recall of short queries"
    description = "recall of queries of at most two characters"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"
    default = ("short_query_recall@1",)

    def values(self, searches: Searches) -> np.ndarray:
        found = searches.sums(np.where(searches.rank <= self.depth, 1.0, 0.0)) / searches.relevant
        return np.where(searches.benchmark.query_length[searches.query] <= 2, found, np.nan)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Measure]]:
    """Registered for one test."""
    own: Registry[type[Measure]] = Registry("measure", lambda measure: measure.name, MEASURES.values())
    monkeypatch.setattr("trainables.evaluation.measures.registry.MEASURES", own)
    return own.register(ShortQueryRecall)


def problem():
    texts = {"de": ["ab", "lang"], "en": ["q", "longer"]}
    queries = [Query(str(i), language, text) for language, own in texts.items() for i, text in enumerate(own)]
    candidates = [Candidate(f"{x}{i}", x, "") for x in texts for i in range(2)]
    eye = np.eye(2, dtype=np.float32)
    embeddings = np.vstack([eye, eye])
    return benchmark("toy", queries, candidates, [[0, 2], [1, 3]] * 2), embeddings, embeddings


def test_a_measure_from_outside_is_computed_by_default_with_its_column(outside: type[Measure]) -> None:
    found = evaluate(*problem())
    assert found.metrics["toy/monolingual/short_query_recall@1"] == 1.0
    assert found.metrics["toy/cross-lingual/short_query_recall@1/de-en"] == 1.0
    assert found.metrics["toy/multilingual/short_query_recall@1:micro"] == 0.5
    assert found.metrics["toy/overall/short_query_recall@1"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert "overall/short_query_recall@1" in found.headlines
    rows = found.per_query.to_pylist()
    assert list(rows[0])[5:] == [
        *("map", "recall@1", "recall@10", "complete@10", "short_query_recall@1", "rank_distance"),
        *("same_language_share@10", "english_share@10", "first_right_own", "first_right_other"),
        *("first_wrong_own", "first_wrong_other"),
    ]
    assert {(r["parallel_id"], r["short_query_recall@1"] is None) for r in rows} == {("0", False), ("1", True)}
    assert {str(name) for name in available_metrics(problem()[0])} == set(found.metrics)


def test_a_measure_from_outside_can_be_an_objective(outside: type[Measure]) -> None:
    (objective,) = parse_objectives(["multilingual/short_query_recall@1"])
    assert objective.direction == "maximize"
    assert objective.score(evaluate(*problem()).headlines) == 0.5
    for cutoff in (1, 5):
        settings = StudySettings(objective=(f"monolingual/short_query_recall@{cutoff}",))
        check_objectives(settings, problem()[0])


def test_without_it_nothing_is_left_of_it() -> None:
    assert not [name for name in evaluate(*problem()).metrics if "short" in name]
    with pytest.raises(UserError, match="Unknown objective 'multilingual/short_query_recall@1'"):
        parse_objectives(["multilingual/short_query_recall@1"])


def test_where_no_query_has_a_value_the_measure_has_no_metric(outside: type[Measure]) -> None:
    b, queries, candidates = problem()
    long = benchmark(
        "toy",
        [
            Query(str(q), b.languages[x], "a long query")
            for q, x in zip(b.query_parallel, b.query_language, strict=True)
        ],
        [Candidate(i, b.languages[x], "") for i, x in zip(b.candidate_ids, b.candidate_language, strict=True)],
        [[0, 2], [1, 3]] * 2,
    )
    found = evaluate(long, queries, candidates)
    assert not [name for name in found.metrics if "short" in name]
    assert found.per_query["short_query_recall@1"].null_count == len(found.per_query)
    assert found.metrics == {n: v for n, v in evaluate(b, queries, candidates).metrics.items() if "short" not in n}


def test_the_default_measures_come_first_and_each_once() -> None:
    names = [str(measure) for measure in chosen_measures(["ndcg@10", "map", "ndcg@10"])]
    assert names[:3] == ["map", "recall@1", "recall@10"]
    assert names[-1] == "ndcg@10"
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name",
    ["map@0", "recall", "recall@", "ndcg@-1", "map@1.5", "mapp", "MAP", "", "map@", "@10", "map@10@10", "map:micro"],
)
def test_names_of_no_measure_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="Unknown measure"):
        find_measure(name)


def test_the_nearest_name_is_offered() -> None:
    with pytest.raises(UserError, match="Unknown measure 'ndgc@10': did you mean ndcg@10"):
        find_measure("ndgc@10")


def test_several_names_in_one_are_told_apart() -> None:
    with pytest.raises(UserError, match=r"'ndcg@10,map': give each .* as in --measure ndcg@10 --measure map"):
        find_measure("ndcg@10,map")


@pytest.mark.parametrize("name", ["my/measure", "Mine", "recall@5", "a:b", "", "10"])
def test_a_name_that_would_break_metric_names_is_not_registered(name: str) -> None:
    with pytest.raises(UserError, match="A measure cannot be called"):
        MEASURES.register(type("Mine", (ShortQueryRecall,), {"name": name}))
    assert name not in MEASURES


def test_the_example_is_right() -> None:
    assert doctest.testmod(sys.modules[find_measure.__module__]).failed == 0
