from pathlib import Path

import pytest

from tests.trainables.corpora.lareqa_checks import (
    answers_over_a_sentence_end,
    assert_ids_are_unique,
    bibliography_key,
    per_language,
    relevant_of,
    sha256_of,
)
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.mlqa_r import BENCHMARK, PUBLISHED

CANDIDATES = {"ar": 2545, "de": 2362, "en": 6264, "es": 1787, "hi": 2426, "vi": 2828, "zh": 2322}
QUESTIONS = {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504}


@pytest.fixture(scope="module")
def mlqa_r(shared_data: Path) -> Benchmark:
    return BENCHMARK.load("test", shared_data / "mlqa-r")  # the folder itself will do


def test_it_has_the_published_counts(mlqa_r: Benchmark) -> None:
    assert per_language(mlqa_r, mlqa_r.candidate_language) == CANDIDATES
    assert len(mlqa_r.candidate_texts) == 20_534
    assert per_language(mlqa_r, mlqa_r.query_language) == QUESTIONS
    assert (len(mlqa_r.query_texts), len(mlqa_r.parallel_ids)) == (4199, 1148)
    languages_of_question = [int((mlqa_r.query_parallel == number).sum()) for number in range(1148)]
    assert [languages_of_question.count(n) for n in (2, 3, 4)] == [65, 263, 820]
    assert len(mlqa_r.relevant) / 4199 == pytest.approx(3.75, abs=0.005)
    assert_ids_are_unique(mlqa_r)


def test_it_is_the_same_benchmark_as_ever(mlqa_r: Benchmark) -> None:
    assert mlqa_r.fingerprint == "4e9168081845b94b1e6607702ab6f515477e2590ca3527eb3cd16ccc26598b8c"


def test_it_says_what_it_is(mlqa_r: Benchmark) -> None:
    assert BENCHMARK.name == mlqa_r.name
    for number in (len(mlqa_r.parallel_ids), len(mlqa_r.languages), len(mlqa_r.candidate_texts)):
        assert f" {number:,} " in BENCHMARK.description
    assert (BENCHMARK.licence, BENCHMARK.non_commercial) == ("CC-BY-NC-4.0", True)
    assert tuple(map(bibliography_key, BENCHMARK.references)) == ("roy2020lareqa", "lewis2020mlqa")


def test_raw_files_have_the_known_digests(shared_data: Path) -> None:
    for language, file in PUBLISHED.files.items():
        assert sha256_of(shared_data / "mlqa-r", language) == file.sha256


def test_relevant_candidates_are_those_of_the_languages_in_which_the_question_exists(mlqa_r: Benchmark) -> None:
    languages: dict[int, list[int]] = {}
    for parallel, language in zip(mlqa_r.query_parallel.tolist(), mlqa_r.query_language.tolist(), strict=True):
        languages.setdefault(parallel, []).append(language)
    for query, parallel in enumerate(mlqa_r.query_parallel.tolist()):
        assert mlqa_r.candidate_language[relevant_of(mlqa_r, query)].tolist() == sorted(languages[parallel])


def test_the_answer_starts_in_the_relevant_sentence_of_the_query_language(shared_data: Path, mlqa_r: Benchmark) -> None:
    assert set(answers_over_a_sentence_end(mlqa_r, shared_data / "mlqa-r")) == set(CANDIDATES)
