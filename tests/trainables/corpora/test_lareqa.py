import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.trainables.corpora.lareqa_checks import relevant_of
from trainables.corpora.lareqa import PublishedFile, SentenceBenchmark
from trainables.errors import UserError


def small_source() -> SentenceBenchmark:
    return SentenceBenchmark(
        "small-r", "http://127.0.0.1:9/small-r", {lang: PublishedFile(2, 3, "") for lang in ("en", "th")}
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
        lang: PublishedFile(2, 3, hashlib.sha256((folder / f"{lang}.json").read_bytes()).hexdigest())
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
