import hashlib
import json
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
from trainables.corpora.sources.xquad_r import BENCHMARK, PUBLISHED

CANDIDATES = {
    "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219, "th": 852, "tr": 1167,
    "vi": 1209, "zh": 1196,
}  # fmt: skip
ANSWERS_OVER_A_SENTENCE_END = {
    "ar": 10, "de": 8, "el": 13, "en": 3, "es": 12, "hi": 11, "ru": 2, "th": 9, "tr": 20, "vi": 13, "zh": 11,
}  # fmt: skip


@pytest.fixture(scope="module")
def xquad_r(shared_data: Path) -> Benchmark:
    return BENCHMARK.load("test", shared_data)


def test_it_has_the_published_counts(xquad_r: Benchmark) -> None:
    assert per_language(xquad_r, xquad_r.candidate_language) == CANDIDATES
    assert len(xquad_r.candidate_texts) == 13_014
    assert per_language(xquad_r, xquad_r.query_language) == dict.fromkeys(CANDIDATES, 1190)
    assert len(xquad_r.parallel_ids) == 1190
    assert_ids_are_unique(xquad_r)


def test_it_is_the_same_benchmark_as_ever(xquad_r: Benchmark) -> None:
    assert xquad_r.fingerprint == "d404e00df9ec2bc97a5508071f81a0bedf487ab14c7fcfc064d96d3da0803e13"


def test_it_says_what_it_is(xquad_r: Benchmark) -> None:
    assert BENCHMARK.name == xquad_r.name
    for number in (len(xquad_r.parallel_ids), len(xquad_r.languages), len(xquad_r.candidate_texts)):
        assert f" {number:,} " in BENCHMARK.description
    assert (BENCHMARK.licence, BENCHMARK.non_commercial) == ("CC-BY-SA-4.0", False)
    assert tuple(map(bibliography_key, BENCHMARK.references)) == ("roy2020lareqa", "artetxe2020crosslingual")


def test_raw_files_and_candidate_texts_have_the_known_digests(shared_data: Path, xquad_r: Benchmark) -> None:
    known = json.loads((shared_data / "xquad-r" / "counts.json").read_text())
    for number, language in enumerate(xquad_r.languages):
        raw = sha256_of(shared_data / "xquad-r", language)
        assert raw == known[language]["raw_json_sha256"] == PUBLISHED.files[language].sha256
        texts = [t for t, n in zip(xquad_r.candidate_texts, xquad_r.candidate_language, strict=True) if n == number]
        assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == known[language]["candidates_sha256"]
        positions = {c for c, n in enumerate(xquad_r.candidate_language.tolist()) if n == number}
        assert len(set(xquad_r.relevant.tolist()) & positions) == known[language]["sentences_holding_an_answer"]


def test_a_question_has_one_relevant_candidate_per_language(xquad_r: Benchmark) -> None:
    assert set((xquad_r.relevant_start[1:] - xquad_r.relevant_start[:-1]).tolist()) == {11}
    own = [relevant_of(xquad_r, query) for query in range(len(xquad_r.query_texts))]
    assert all(xquad_r.candidate_language[candidates].tolist() == list(range(11)) for candidates in own)
    # "How many points did the Panthers defense surrender?": 308, in the first sentence in every language.
    first = xquad_r.parallel_ids.index("56beb4343aeaaa14008c925b")
    for query in [q for q, parallel in enumerate(xquad_r.query_parallel.tolist()) if parallel == first]:
        assert [xquad_r.candidate_ids[c] for c in own[query]] == [f"{lang}:0:0:0" for lang in CANDIDATES]
        assert all("308" in xquad_r.candidate_texts[c] for c in own[query])


def test_the_answer_starts_in_the_relevant_sentence_of_the_query_language(
    shared_data: Path, xquad_r: Benchmark
) -> None:
    assert answers_over_a_sentence_end(xquad_r, shared_data / "xquad-r") == ANSWERS_OVER_A_SENTENCE_END
