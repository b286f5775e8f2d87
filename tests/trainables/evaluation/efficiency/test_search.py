"""The split by language, and what a difference of geometry costs."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainables.evaluation.efficiency.clouds import cloud
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.efficiency import indexes, search
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import INDEXES, Index
from trainables.evaluation.efficiency.subject import Subject, sample, timed_queries

LANGUAGES = ("de", "en", "fr", "zh")


def toy(query_languages: tuple[str, ...], candidate_languages: tuple[str, ...]) -> Benchmark:
    queries = [Query(f"q{i}", language, "?") for i in range(40) for language in query_languages]
    candidates = [Candidate(f"{language}{i}", language, "!") for i in range(150) for language in candidate_languages]
    return benchmark("toy", queries, candidates, [[0]] * len(queries))


def subject(found: Benchmark, queries: np.ndarray, candidates: np.ndarray, order: int = 0) -> Subject:
    anything: dict = dict.fromkeys(("encoder", "tokenizer", "device", "candidate_tokens"))
    return Subject(
        **anything,
        benchmark=found,
        query_texts=(),
        queries=queries,
        candidates=candidates,
        config=EfficiencyConfig(timed_queries=5),
        order=order,
    )


def test_every_other_language_is_taken_out_of_the_pool() -> None:
    found = toy(LANGUAGES, LANGUAGES)
    pool, kept = search.reduced_pool(found.query_language, found.candidate_language)
    assert [found.languages[language] for language in kept] == ["de", "fr"]
    assert {found.languages[language] for language in found.candidate_language[pool]} == {"de", "fr"}


def test_a_pool_without_the_language_of_some_queries_is_left_as_it_is() -> None:
    found = toy(("en", "zh"), ("zh",))
    pool, kept = search.reduced_pool(found.query_language, found.candidate_language)
    assert len(pool) == len(found.candidate_language)
    assert [found.languages[language] for language in kept] == ["zh"]


def test_one_language_has_no_split() -> None:
    found = toy(("zh",), ("zh",))
    numbers, _ = search.measure(subject(found, cloud(40, 6, 12, 0), cloud(150, 6, 12, 1)))
    assert not [name for name in numbers if name.endswith("language")]


@pytest.fixture(scope="module")
def measured() -> tuple[dict[str, float], list]:
    """Queries in languages that the pool lacks lie outside of its cloud."""
    found = toy(LANGUAGES, LANGUAGES)
    candidates = cloud(600, 16, 48, seed=0)
    queries = candidates[:160] + 0.2 * cloud(160, 48, 48, seed=1)
    far = np.isin(found.query_language, [1, 3])
    queries[far] = cloud(int(far.sum()), 48, 48, seed=2)
    numbers, curve = search.measure(subject(found, queries, candidates))
    return dict(numbers), list(curve)


def test_queries_that_lie_outside_of_the_pool_cost_more(measured) -> None:
    numbers, _ = measured
    assert numbers["hnsw/distances@0.95/other-language"] > 1.2 * numbers["hnsw/distances@0.95/same-language"]


def test_every_number_that_is_measured_was_announced(measured) -> None:
    numbers, curve = measured
    announced = {number.name: number for number in search.numbers(EfficiencyConfig())}
    assert numbers.keys() <= announced.keys()
    assert {"hnsw/distances@0.95", "ivf/nprobe@0.9", "pq/recall", "flat/bytes"} <= numbers.keys()
    assert {point.index for point in curve} == {"flat", "hnsw", "ivf", "pq", "int8"}
    assert next(point.recall for point in curve if point.index == "flat") == 1.0


def test_numbers_that_no_machine_changes_are_the_same_again(measured) -> None:
    found = toy(LANGUAGES, LANGUAGES)
    queries, candidates = cloud(160, 6, 24, seed=1), cloud(600, 6, 24, seed=0)
    timed = {number.name for number in search.numbers(EfficiencyConfig()) if number.is_timed}
    first, again, other = (
        {
            name: value
            for name, value in search.measure(subject(found, queries, candidates, order))[0].items()
            if name not in timed
        }
        for order in (0, 0, 1)
    )
    assert first == again
    assert first != other, "another order of insertion builds another graph"


@pytest.mark.parametrize(("few", "builds"), [(150, 3), (149, 0)])
def test_how_often_an_index_is_built_follows_from_its_vectors(
    few: int, builds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not from its speed: encoders whose indexes are built fast and slowly are timed alike."""
    built: list[str] = []
    to_time = Index.to_time

    def noted(self: Index) -> Index:
        one = to_time(self)
        built.extend([self.kind.name] * (one is not self))
        return one

    monkeypatch.setattr(indexes, "FEW", few)
    monkeypatch.setattr(Index, "to_time", noted)
    search.measure(subject(toy(("zh",), ("zh",)), cloud(40, 6, 12, 0), cloud(150, 6, 12, 1)))
    assert built == [name for name in INDEXES for _ in range(builds)]


def test_queries_and_orders_are_the_same_for_every_encoder() -> None:
    found = toy(LANGUAGES, LANGUAGES)
    one = subject(found, cloud(160, 6, 24, 1), cloud(600, 6, 24, 0))
    other = replace(one, queries=cloud(160, 6, 24, 8), candidates=cloud(600, 6, 24, 9))
    assert np.array_equal(one.searched, other.searched)
    assert np.array_equal(one.insertion(600), other.insertion(600))
    assert sorted(one.insertion(600)) == list(range(600))
    assert not np.array_equal(one.insertion(600), replace(one, order=1).insertion(600))


def test_timed_queries_are_among_those_that_are_searched() -> None:
    config = EfficiencyConfig(queries=50, timed_queries=20)
    timed = timed_queries(200, config)
    assert len(timed) == 20
    assert set(timed.tolist()) <= set(sample(200, 50).tolist())


def test_embeddings_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of the texts of toy"):
        subject(toy(("zh",), ("zh",)), cloud(40, 6, 12, 0), cloud(149, 6, 12, 1))
