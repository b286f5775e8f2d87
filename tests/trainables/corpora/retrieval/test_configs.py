from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import (
    CORPUS,
    QRELS,
    QUERIES,
    READ,
    beir_folder,
    floats,
    read,
    renamed,
    write,
    write_text,
)
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import local_files
from trainables.corpora.retrieval.build import retrieval_benchmark
from trainables.corpora.retrieval.configs import companion_of, configs_of, languages_of, part_of
from trainables.errors import UserError

ENGLISH_README = """---
language:
- eng
configs:
- config_name: default
  data_files:
  - split: train
    path: qrels/train.jsonl
  - split: test
    path: qrels/test.jsonl
- config_name: corpus
  data_files:
  - split: corpus
    path: corpus.jsonl
- config_name: queries
  data_files:
  - split: queries
    path: queries.jsonl
---
# A set
"""

CHINESE_README = """---
configs:
- config_name: corpus
  data_files:
  - split: dev
    path: corpus/dev-*
- config_name: default
  data_files:
  - split: dev
    path: data/dev-*
- config_name: queries
  data_files:
  - split: dev
    path: queries/dev-*
---
"""


def mteb_json_lines(folder: Path) -> str:
    write_text(folder / "README.md", ENGLISH_README)
    write(folder / "corpus.jsonl", CORPUS)
    write(folder / "queries.jsonl", QUERIES)
    write(folder / "qrels/test.jsonl", floats(QRELS))
    write(folder / "qrels/train.jsonl", floats(QRELS[:1]))
    return "test"


def mteb_parquet(folder: Path) -> str:
    write_text(folder / "README.md", CHINESE_README)
    write(folder / "corpus/dev-00000-of-00001.parquet", CORPUS)
    write(folder / "queries/dev-00000-of-00001.parquet", QUERIES)
    write(folder / "data/dev-00000-of-00001.parquet", QRELS)
    return "dev"


def pushed_by_mteb(folder: Path) -> str:
    write(
        folder / "corpus/test-00000-of-00002.parquet",
        renamed(CORPUS[:2], {"_id": "id", "title": "title", "text": "text"}),
    )
    write(
        folder / "corpus/test-00001-of-00002.parquet",
        renamed(CORPUS[2:], {"_id": "id", "title": "title", "text": "text"}),
    )
    write(folder / "query/test-00000-of-00001.parquet", renamed(QUERIES, {"_id": "id", "text": "text"}))
    write(folder / "queries/test-00000-of-00001.parquet", renamed(QUERIES[:1], {"_id": "id", "text": "text"}))
    write(folder / "qrels/test-00000-of-00001.parquet", QRELS)
    return "test"


def beir_archive(folder: Path) -> str:
    beir_folder(folder, ".jsonl.gz")
    write(folder / "qrels/train.tsv", QRELS[:1])
    return "test"


def beir_parquet(folder: Path) -> str:
    """Queries have a title, which is empty; the judgements are in a repository of their own."""
    write(folder / "corpus/corpus-00000-of-00001.parquet", CORPUS)
    write(folder / "queries/queries-00000-of-00001.parquet", [{**row, "title": ""} for row in QUERIES])
    for split, rows in (("train", QRELS[:1]), ("test", QRELS)):
        write(folder.with_name("set-qrels") / f"{split}.tsv", rows)
    return "test"


def old_c_mteb(folder: Path) -> str:
    titled = [{"id": row["_id"], "text": f"{row['title']} {row['text']}"} for row in CORPUS]
    write(folder / "data/corpus-00000-of-00001.parquet", titled)
    write(folder / "data/queries-00000-of-00001.parquet", renamed(QUERIES, {"_id": "id", "text": "text"}))
    judged = renamed(QRELS, {"query-id": "qid", "corpus-id": "pid", "score": "score"})
    write(folder.with_name("set-qrels") / "data/dev-00000-of-00001.parquet", judged)
    return "dev"


LAYOUTS = [mteb_json_lines, mteb_parquet, pushed_by_mteb, beir_archive, beir_parquet, old_c_mteb]


def load(folder: Path, split: str | None, prefix: str | None = None) -> Benchmark:
    files = local_files(folder)
    part = part_of(files, split, language="en", prefix=prefix, companion=companion_of(files))
    return retrieval_benchmark("set", [part])


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("is_split_named", [True, False])
def test_the_same_rows_in_every_layout_are_the_same_benchmark(
    tmp_path: Path, layout: Callable[[Path], str], is_split_named: bool
) -> None:
    split = layout(tmp_path / "set")
    assert read(load(tmp_path / "set", split if is_split_named else None)) == READ


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_repository_is_read_the_same_with_and_without_its_readme(
    tmp_path: Path, layout: Callable[[Path], str]
) -> None:
    split = layout(tmp_path / "set")
    (tmp_path / "set/README.md").unlink(missing_ok=True)
    assert read(load(tmp_path / "set", split)) == READ


def test_several_languages_are_configurations_of_their_own(tmp_path: Path) -> None:
    for language in ("sw", "yo"):
        write(tmp_path / f"{language}-corpus/dev-00000-of-00001.parquet", CORPUS)
        write(tmp_path / f"{language}-queries/dev-00000-of-00001.parquet", QUERIES)
        write(tmp_path / f"{language}-qrels/dev-00000-of-00001.parquet", QRELS)
    assert languages_of(configs_of(local_files(tmp_path))) == ["sw", "yo"]
    assert read(load(tmp_path, "dev", "yo")) == READ


@pytest.mark.parametrize(
    "data_files",
    ["corpus.jsonl", "[corpus.jsonl]", "{train: corpus.jsonl}", "[{split: corpus, path: [corpus.jsonl]}]",
     "[{path: ./corpus.*}]"],
)  # fmt: skip
def test_metadata_may_name_files_in_all_of_its_forms(tmp_path: Path, data_files: str) -> None:
    write_text(tmp_path / "README.md", f"---\nconfigs:\n- config_name: corpus\n  data_files: {data_files}\n---\n")
    write(tmp_path / "corpus.jsonl", CORPUS)
    assert [list(splits.values()) for splits in configs_of(local_files(tmp_path)).values()] == [[("corpus.jsonl",)]]


def test_numbered_files_of_a_folder_are_one_split(tmp_path: Path) -> None:
    beir_folder(tmp_path)
    (tmp_path / "corpus.jsonl").unlink()
    for number, row in enumerate(CORPUS):
        write(tmp_path / f"corpus/docs-{number + 8}.jsonl.gz", [row])
    assert read(load(tmp_path, "test"))["candidates"] == READ["candidates"]


def without(folder: Path, name: str) -> None:
    beir_folder(folder)
    (folder / name).unlink()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no corpus": (lambda f: without(f, "corpus.jsonl"), r"has no corpus: expected a file or folder called corpus"),
    "no queries": (lambda f: without(f, "queries.jsonl"), r"has no queries: .* it has corpus, qrels\."),
    "no judgements": (lambda f: without(f, "qrels/test.tsv"), r"holds no judgements .* no folder .*set-qrels\."),
    "two formats": (lambda f: write(beir_folder(f) / "corpus.parquet", CORPUS), r"has its corpus in several formats"),
    "splits": (
        lambda f: [without(f, "qrels/test.tsv"), *(write(f / f"qrels/{s}.tsv", QRELS) for s in ("a", "b"))],
        r"the judgements have no split test among a, b: name the one that counts in a file benchmark\.json",
    ),
    "shard": (
        lambda f: [without(f, "corpus.jsonl"), write(f / "corpus/test-00000-of-00003.parquet", CORPUS)],
        r"of the 00003 files of corpus number 1 is not there: fetch the rest",
    ),
    "yaml": (lambda f: write_text(beir_folder(f) / "README.md", "---\na: [\n---\n"), r"README\.md is no YAML"),
    "column": (
        lambda f: write(beir_folder(f) / "corpus.jsonl", renamed(CORPUS, {"_id": "_id", "text": "contents"})),
        r"corpus\.jsonl:1: there is no column text: name one so \(it has _id, contents\)",
    ),
    "qrels column": (
        lambda f: write(beir_folder(f) / "qrels/test.tsv", renamed(QRELS, {"query-id": "query-id", "score": "score"})),
        r"test\.tsv:2: there is no column corpus-id or corpus_id or docid or pid: name one so",
    ),
    "half a grade": (
        lambda f: write(beir_folder(f) / "qrels/test.tsv", [{**QRELS[0], "score": 0.5}]),
        r"test\.tsv:2: the grade is '0\.5': give a whole number",
    ),
    "empty id": (
        lambda f: write(beir_folder(f) / "corpus.jsonl", [{**CORPUS[0], "_id": " "}]),
        r"corpus\.jsonl:1: the id is ' ': give a text that is not empty",
    ),
    "text of a number": (
        lambda f: write(beir_folder(f) / "corpus.jsonl", [{**CORPUS[0], "text": 7}]),
        r"corpus\.jsonl:1: the text is 7, which is no text",
    ),
    "half a character": (
        lambda f: write_text(beir_folder(f) / "corpus.jsonl", '{"_id": "d1", "text": "\\ud800"}\n'),
        r"corpus\.jsonl:1: the text holds half a character",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_repository_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    make, sentence = WRONG[case]
    make(tmp_path / "set")
    with pytest.raises(UserError, match=sentence):
        load(tmp_path / "set", None)
