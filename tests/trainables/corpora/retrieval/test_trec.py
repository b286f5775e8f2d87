from pathlib import Path

import pytest

from tests.trainables.corpora.retrieval.toy_files import read, write, write_text
from trainables.corpora.hub import local_files
from trainables.corpora.retrieval.build import retrieval_benchmark
from trainables.corpora.retrieval.trec import (
    documents,
    is_trec,
    miracl_languages,
    miracl_parts,
    qrels,
    topics,
    trec_part,
)
from trainables.errors import UserError

OLD_TOPICS = """
<top>
<num> Number: 301
<title> International
   Organized Crime

<desc> Description:
Identify organizations.
</top>

<top>
<num>302</num>
<title>Topic: Polio</title>
</top>
"""
QRELS = "301 0 d1 1\n301 0 d2 0\n302\t0\td2\t2\n"


def test_topics_are_read_in_the_old_markup_and_as_a_table(tmp_path: Path) -> None:
    table = write_text(tmp_path / "topics.tsv.gz", "301\tInternational Organized Crime\n302\tPolio\n")
    for path in (write_text(tmp_path / "topics.401-450", OLD_TOPICS), table):
        assert [(one.id, one.text) for one in topics(path)] == [
            ("301", "International Organized Crime"),
            ("302", "Polio"),
        ]


def test_documents_are_json_lines_or_tables_with_and_without_title(tmp_path: Path) -> None:
    lines = write(tmp_path / "docs-0.jsonl.gz", [{"docid": "1#0", "title": "A", "text": "b"}])
    titled = write_text(tmp_path / "corpus.tsv", "1#0\tA\tb\n")
    plain = write_text(tmp_path / "corpus.tsv.gz", "1#0\tA b\n")
    assert [[(d.id, d.text) for d in documents(path)] for path in (lines, titled, plain)] == [[("1#0", "A b")]] * 3


def test_a_folder_of_topics_is_a_set(tmp_path: Path) -> None:
    write_text(tmp_path / "topics.txt", OLD_TOPICS)
    write_text(tmp_path / "qrels.txt", QRELS)
    write_text(tmp_path / "corpus.tsv", "d1\tone\nd2\ttwo\n")
    files = local_files(tmp_path)
    assert is_trec(files)
    built = retrieval_benchmark("set", [trec_part(files, None, "en")])
    assert read(built)["judgements"] == [{"d1": 1, "d2": 0}, {"d2": 2}]


def test_of_several_topics_those_of_the_split_are_taken(tmp_path: Path) -> None:
    for split in ("train", "dev", "dev2"):
        write_text(tmp_path / f"topics.set-{split}.tsv", f"{split}\ta question\n")
        write_text(tmp_path / f"qrels.set-{split}.tsv", f"{split} Q0 d1 1\n")
    write_text(tmp_path / "docs.tsv", "d1\tone\n")
    for asked, taken in ((None, "dev"), ("train", "train"), ("dev2", "dev2")):
        built = retrieval_benchmark("set", [trec_part(local_files(tmp_path), asked, "en")])
        assert built.parallel_ids == (taken,)
    with pytest.raises(UserError, match=r"has 3 files of topics .*: keep one, or name the split"):
        trec_part(local_files(tmp_path), "test", "en")


def miracl(folder: Path, language: str, split: str = "dev") -> None:
    write_text(
        folder / f"miracl-v1.0-{language}/topics/topics.miracl-v1.0-{language}-{split}.tsv", "7\twho?\n8\twhat?\n"
    )
    write_text(
        folder / f"miracl-v1.0-{language}/qrels/qrels.miracl-v1.0-{language}-{split}.tsv",
        "7\tQ0\t12#0\t1\n7\tQ0\t12#1\t0\n8\tQ0\t9#0\t1\n",
    )
    for number, ids in enumerate((["12#0", "12#1"], ["9#0"])):
        write(
            folder / f"miracl-corpus-v1.0-{language}/docs-{number}.jsonl.gz",
            [{"docid": one, "title": f"T {one}", "text": language} for one in ids],
        )


def test_miracls_release_is_read_with_its_judged_negatives(tmp_path: Path) -> None:
    miracl(tmp_path, "sw")
    miracl(tmp_path, "yo")
    miracl(tmp_path, "yo", "train")
    files = local_files(tmp_path)
    assert (miracl_languages(files, "dev"), miracl_languages(files, "train")) == (["sw", "yo"], ["yo"])
    built = retrieval_benchmark("set", miracl_parts(files, files, ["sw", "yo"], "dev", {}))
    assert read(built)["judgements"] == [
        {"sw:12#0": 1, "sw:12#1": 0}, {"sw:9#0": 1}, {"yo:12#0": 1, "yo:12#1": 0}, {"yo:9#0": 1},
    ]  # fmt: skip
    assert built.candidate_texts[0] == "T 12#0 sw"


@pytest.mark.parametrize(
    "missing", ["miracl-corpus-v1.0-sw/docs-0.jsonl.gz", "miracl-v1.0-sw/qrels/qrels.miracl-v1.0-sw-dev.tsv"]
)
def test_a_missing_file_of_miracl_is_told(tmp_path: Path, missing: str) -> None:
    miracl(tmp_path, "sw")
    (tmp_path / missing).unlink()
    files = local_files(tmp_path)
    with pytest.raises(UserError, match=f"has no file {missing}"):
        retrieval_benchmark("set", miracl_parts(files, files, ["sw"], "dev", {}))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("topics.tsv", "301 no tab\n", r"topics\.tsv:1 has 1 cells: write the topic's id, a tab and its text"),
        ("topics.xml", "<top><num> 301 <desc> x </top>", r"topics\.xml, topic 1 has no <num> or no <title>"),
        ("qrels.txt", "301 d1 1\n", r"qrels\.txt:1 has 3 columns: write the query's id, 0, the document's id"),
        ("qrels.txt", "301 0 d1 yes\n", r"qrels\.txt:1: the grade is 'yes'"),
        ("corpus.tsv", "d1\n", r"corpus\.tsv:1 has 1 cells: write the document's id"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = write_text(tmp_path / name, text)
    with pytest.raises(UserError, match=sentence):
        list({"t": topics, "q": qrels, "c": documents}[name[0]](path))
