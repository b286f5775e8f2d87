import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.lareqa import MLQA_R, XQUAD_R, SentenceBenchmark, SourceFile
from trainables.errors import UserError

XQUAD_CANDIDATES = {
    "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219, "th": 852, "tr": 1167,
    "vi": 1209, "zh": 1196,
}  # fmt: skip
MLQA_CANDIDATES = {"ar": 2545, "de": 2362, "en": 6264, "es": 1787, "hi": 2426, "vi": 2828, "zh": 2322}
MLQA_QUESTIONS = {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504}


@pytest.fixture(scope="module")
def xquad_r(shared_data: Path) -> Benchmark:
    return XQUAD_R.load(shared_data)


@pytest.fixture(scope="module")
def mlqa_r(shared_data: Path) -> Benchmark:
    return MLQA_R.load(shared_data / "mlqa-r")  # the folder itself will do


def per_language(benchmark: Benchmark, numbers: Any) -> dict[str, int]:
    return {language: int((numbers == position).sum()) for position, language in enumerate(benchmark.languages)}


def relevant_of(benchmark: Benchmark, query: int) -> list[int]:
    return benchmark.relevant[benchmark.relevant_start[query] : benchmark.relevant_start[query + 1]].tolist()


def raw_file(folder: Path, language: str) -> Any:
    return json.loads(gzip.decompress((folder / f"{language}.json.gz").read_bytes()))


def test_xquad_r_has_the_published_counts(xquad_r: Benchmark) -> None:
    assert per_language(xquad_r, xquad_r.candidate_language) == XQUAD_CANDIDATES
    assert len(xquad_r.candidate_texts) == 13_014
    assert per_language(xquad_r, xquad_r.query_language) == dict.fromkeys(XQUAD_CANDIDATES, 1190)
    assert len(xquad_r.parallel_ids) == 1190


def test_mlqa_r_has_the_published_counts(mlqa_r: Benchmark) -> None:
    assert per_language(mlqa_r, mlqa_r.candidate_language) == MLQA_CANDIDATES
    assert len(mlqa_r.candidate_texts) == 20_534
    assert per_language(mlqa_r, mlqa_r.query_language) == MLQA_QUESTIONS
    assert (len(mlqa_r.query_texts), len(mlqa_r.parallel_ids)) == (4199, 1148)
    languages_of_question = [int((mlqa_r.query_parallel == number).sum()) for number in range(1148)]
    assert [languages_of_question.count(n) for n in (2, 3, 4)] == [65, 263, 820]
    assert len(mlqa_r.relevant) / 4199 == pytest.approx(3.75, abs=0.005)


def test_candidate_ids_and_query_keys_are_unique(xquad_r: Benchmark, mlqa_r: Benchmark) -> None:
    for benchmark in (xquad_r, mlqa_r):
        assert len(set(benchmark.candidate_ids)) == len(benchmark.candidate_ids)
        keys = set(zip(benchmark.query_parallel.tolist(), benchmark.query_language.tolist(), strict=True))
        assert len(keys) == len(benchmark.query_texts)


def test_raw_files_and_candidate_texts_have_the_known_digests(shared_data: Path, xquad_r: Benchmark) -> None:
    known = json.loads((shared_data / "xquad-r" / "counts.json").read_text())
    for number, language in enumerate(xquad_r.languages):
        raw = gzip.decompress((shared_data / "xquad-r" / f"{language}.json.gz").read_bytes())
        assert hashlib.sha256(raw).hexdigest() == known[language]["raw_json_sha256"] == XQUAD_R.files[language].sha256
        texts = [t for t, n in zip(xquad_r.candidate_texts, xquad_r.candidate_language, strict=True) if n == number]
        assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == known[language]["candidates_sha256"]
        positions = {c for c, n in enumerate(xquad_r.candidate_language.tolist()) if n == number}
        assert len(set(xquad_r.relevant.tolist()) & positions) == known[language]["sentences_holding_an_answer"]
    for language, file in MLQA_R.files.items():
        raw = gzip.decompress((shared_data / "mlqa-r" / f"{language}.json.gz").read_bytes())
        assert hashlib.sha256(raw).hexdigest() == file.sha256


def test_a_question_of_xquad_r_has_one_relevant_candidate_per_language(xquad_r: Benchmark) -> None:
    assert set((xquad_r.relevant_start[1:] - xquad_r.relevant_start[:-1]).tolist()) == {11}
    own = [relevant_of(xquad_r, query) for query in range(len(xquad_r.query_texts))]
    assert all(xquad_r.candidate_language[candidates].tolist() == list(range(11)) for candidates in own)
    # "How many points did the Panthers defense surrender?": 308, in the first sentence in every language.
    first = xquad_r.parallel_ids.index("56beb4343aeaaa14008c925b")
    for query in [q for q, parallel in enumerate(xquad_r.query_parallel.tolist()) if parallel == first]:
        assert [xquad_r.candidate_ids[c] for c in own[query]] == [f"{lang}:0:0:0" for lang in XQUAD_CANDIDATES]
        assert all("308" in xquad_r.candidate_texts[c] for c in own[query])


def test_relevant_candidates_are_those_of_the_languages_in_which_the_question_exists(mlqa_r: Benchmark) -> None:
    languages = {}
    for parallel, language in zip(mlqa_r.query_parallel.tolist(), mlqa_r.query_language.tolist(), strict=True):
        languages.setdefault(parallel, []).append(language)
    for query, parallel in enumerate(mlqa_r.query_parallel.tolist()):
        assert mlqa_r.candidate_language[relevant_of(mlqa_r, query)].tolist() == sorted(languages[parallel])


@pytest.mark.parametrize("source", [XQUAD_R, MLQA_R], ids=lambda source: source.name)
def test_the_answer_starts_in_the_relevant_sentence_of_the_query_language(
    shared_data: Path, source: SentenceBenchmark
) -> None:
    """Found by text, not by offset: the sentence holds the answer, or as much of it as does not run over the end."""
    benchmark = source.load(shared_data)
    crossing = dict.fromkeys(benchmark.languages, 0)
    gold: dict[tuple[str, str], str] = {}
    for query, (parallel, language) in enumerate(
        zip(benchmark.query_parallel.tolist(), benchmark.query_language.tolist(), strict=True)
    ):
        (own,) = [c for c in relevant_of(benchmark, query) if benchmark.candidate_language[c] == language]
        gold[benchmark.languages[language], benchmark.parallel_ids[parallel]] = benchmark.candidate_texts[own]
    for language in benchmark.languages:
        for article in raw_file(shared_data / source.name, language)["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    sentence, answer = gold[language, question["id"]], question["answers"][0]["text"]
                    assert sentence in paragraph["sentences"]
                    if answer in sentence or "\u00e2\u0081\u201e" in answer:  # mis-encoded in the answer only
                        continue
                    crossing[language] += 1
                    beginnings = {answer[:n].rstrip() for n in range(1, len(answer))} - {""}
                    assert any(sentence.rstrip().endswith(beginning) for beginning in beginnings)
    if source is XQUAD_R:
        published = {
            "ar": 10,
            "de": 8,
            "el": 13,
            "en": 3,
            "es": 12,
            "hi": 11,
            "ru": 2,
            "th": 9,
            "tr": 20,
            "vi": 13,
            "zh": 11,
        }
        assert crossing == published


# A small benchmark of the same shape, to break.


def small_source() -> SentenceBenchmark:
    return SentenceBenchmark(
        "small-r", "http://127.0.0.1:9/small-r", {lang: SourceFile(2, 3, "") for lang in ("en", "th")}
    )


def small_file() -> dict[str, Any]:
    paragraph = {
        "context": "One two. Three four. Five.",
        "sentence_breaks": [[0, 8], [9, 20], [21, 26]],
        "sentences": ["One two.", "Three four.", "Five."],
        "qas": [
            # Runs over the end of the first sentence, and starts right at the beginning of the last.
            {"id": "q1", "question": "Which?", "answers": [{"answer_start": 4, "text": "two. Three"}]},
            {
                "id": "q2",
                "question": "Which?",
                "answers": [{"answer_start": 21, "text": "Five"}, {"answer_start": 0, "text": "O"}],
            },
        ],
    }
    return {"version": "1", "data": [{"title": "t", "paragraphs": [paragraph]}]}


def write_small(folder: Path, change: Callable[[dict[str, Any]], None] = lambda file: None) -> Path:
    folder = folder / "small-r"
    folder.mkdir()
    file = small_file()
    (folder / "en.json").write_text(json.dumps(file))
    change(file["data"][0]["paragraphs"][0])
    (folder / "th.json.gz").write_bytes(gzip.compress(json.dumps(file).encode()))
    return folder


def test_an_answer_belongs_to_the_sentence_in_which_its_first_answer_starts(tmp_path: Path) -> None:
    write_small(tmp_path)
    for data_dir in (tmp_path, tmp_path / "small-r"):
        benchmark = small_source().load(data_dir)
        assert benchmark.candidate_ids == tuple(f"{lang}:0:0:{n}" for lang in ("en", "th") for n in range(3))
        assert [relevant_of(benchmark, query) for query in range(4)] == [[0, 3], [2, 5], [0, 3], [2, 5]]


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "a candidate less": (
        lambda p: (p["sentences"].pop(1), p["sentence_breaks"].pop(1)),
        ["'th'", "3 candidates", "has 2"],
    ),
    "a question less": (lambda p: p["qas"].pop(), ["'th'", "2 questions", "has 1"]),
    "no answer": (lambda p: p["qas"][0].update(answers=[]), ["data.0.paragraphs.0.qas.0.answers"]),
    "answer in no sentence": (lambda p: p["qas"][1]["answers"][0].update(answer_start=20), ["'q2'", "20"]),
    "question twice": (lambda p: p["qas"][1].update(id="q1"), ["'q1'", "twice"]),
    "no sentences": (lambda p: p.pop("sentences"), ["data.0.paragraphs.0.sentences", "required"]),
    "sentences and breaks differ": (lambda p: p["sentences"].pop(), ["0:0", "2 sentences", "3 sentence_breaks"]),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_deviating_file_is_refused(tmp_path: Path, case: str) -> None:
    change, expected = BREAKS[case]
    write_small(tmp_path, change)
    with pytest.raises(UserError) as caught:
        small_source().load(tmp_path)
    assert all(part in str(caught.value) for part in ["th.json.gz", *expected]), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1", b"null", b'{"data": 3}', b"\xff"])
def test_a_file_that_is_no_lareqa_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (write_small(tmp_path) / "en.json").write_bytes(content)
    with pytest.raises(UserError, match=r"en\.json"):
        small_source().load(tmp_path)


def test_a_missing_language_is_told_with_the_place_where_it_should_be(tmp_path: Path) -> None:
    (write_small(tmp_path) / "th.json.gz").unlink()
    with pytest.raises(UserError, match=r"small-r needs th\.json or th\.json\.gz in .*small-r"):
        small_source().load(tmp_path)


def test_without_connection_the_data_dir_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9/small-r/en\.json could not be fetched .*--data-dir") as caught:
        small_source().load(None)
    assert "\n" not in str(caught.value)


def test_files_are_fetched_into_the_cache_and_then_read_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = write_small(tmp_path)
    (folder / "th.json").write_bytes(gzip.decompress((folder / "th.json.gz").read_bytes()))
    files = {
        lang: SourceFile(2, 3, hashlib.sha256((folder / f"{lang}.json").read_bytes()).hexdigest())
        for lang in ("en", "th")
    }
    source = replace(small_source(), url=folder.as_uri(), files=files)
    fetched = source.load(None)
    assert fetched.fingerprint == small_source().load(tmp_path).fingerprint
    for path in folder.iterdir():
        path.unlink()
    assert source.load(None).fingerprint == fetched.fingerprint
    assert sorted(p.name for p in (tmp_path / "home/.cache/hybrid-batch-studies/small-r").iterdir()) == [
        "en.json",
        "th.json",
    ]
