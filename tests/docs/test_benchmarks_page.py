"""docs/benchmarks.md: its table is that of the registry, and its examples are benchmarks."""

import re
from pathlib import Path

import pytest

from study.benchmark_table import table
from tests.docs.pages import DOCS, Lab, commands, files
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.registry import load_benchmark

PAGE = "benchmarks.md"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(PAGE, tmp_path)


@pytest.fixture
def load(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(lab.folder)
    return lambda name: load_benchmark(name, "test")


def relevant(built: Benchmark, query: int) -> list[str]:
    found = built.relevant[built.relevant_start[query] : built.relevant_start[query + 1]]
    return [built.candidate_ids[c] for c in found]


def test_the_table_is_current() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    assert text.endswith(f"## Table\n\n{table()}"), "write there what python -m study.benchmark_table prints"


def test_the_folder_of_the_page_is_a_benchmark(load) -> None:
    capitals = load("capitals:en")
    assert capitals.candidate_texts[0] == "Paris It is the capital of France."
    assert (relevant(capitals, 0), capitals.grade.tolist(), capitals.irrelevant[0].tolist()) == (["d1"], [2, 1], [1])


def test_the_facts_of_the_page_are_read(lab: Lab, load) -> None:
    facts = files(PAGE)["facts/benchmark.json"]
    (lab.folder / "capitals/benchmark.json").write_text(facts)
    assert load("capitals").name == "capitals"


def test_a_folder_per_language_and_one_with_columns_say_what_is_a_translation(load) -> None:
    words = load("words")
    assert (words.languages, len(words.parallel_ids)) == (("de", "en"), 1)
    assert [relevant(words, q) for q in (0, 1)] == [["de:1", "en:1"]] * 2
    mixed = load("mixed")
    assert [relevant(mixed, q) for q in (0, 1)] == [["a", "b"]] * 2


def test_trec_files_are_a_benchmark(load) -> None:
    trec = load("trec:en")
    assert (trec.query_texts, relevant(trec, 0)) == (("capital of France",), ["d1"])


@pytest.mark.slow
def test_the_plan_of_a_study_names_the_benchmarks_of_the_page(lab: Lab) -> None:
    asked = [word for command in commands(PAGE) for word in re.findall("--evaluate [^ ]+", command)]
    plan = lab.run(f"python -m study.run {' '.join(asked)} --measure ndcg@10 --dry-run")
    for sizes in (
        "capitals:en (2 queries, 3 candidates; licence not-stated)",
        "words (2 queries, 4",
        "trec:en (1 queries, 2",
    ):
        assert sizes in plan
