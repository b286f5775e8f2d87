"""MS MARCO and mMARCO, MIRACL and Mr. TyDi, BEIR."""

import gzip
import json
from pathlib import Path

import pytest

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem

MMARCO = {
    "collections/english_collection.tsv": '0\tzero\n1\tone\n2\ttwo\n3\tthree "quoted\n',
    "collections/german_collection.tsv": "0\tnull\n1\teins\n2\tzwei\n3\tdrei\n",
    "queries/train/english_queries.train.tsv": "7\tseven?\n8\teight?\n",
    "queries/train/german_queries.train.tsv": "7\tsieben?\n8\tacht?\n",
    "queries/dev/english_queries.dev.tsv": "9\tnine?\n",
    "triples.train.ids.small.tsv": "7\t0\t1\n7\t0\t2\n8\t3\t1\n7\t2\t1\n",
}


def test_ids_of_mmarco_are_shared_by_languages_and_join_triples(tmp_path: Path) -> None:
    write(tmp_path / "set", MMARCO)
    found = read(tmp_path, "set")["set"]
    seven = {"en": "seven?", "de": "sieben?"}
    assert found.items == [
        PairItem("7", "7", seven, {"en": "zero", "de": "null"}, {"en": ("one",), "de": ("eins",)}),
        PairItem("7.2", "7", seven, {"en": "two", "de": "zwei"}, {"en": ("one",), "de": ("eins",)}),
        PairItem(
            "8",
            "8",
            {"en": "eight?", "de": "acht?"},
            {"en": 'three "quoted', "de": "drei"},
            {"en": ("one",), "de": ("eins",)},
        ),
    ]
    assert found.seen.layout == "ms_marco"


def test_ms_marco_in_one_language_with_judgements_packed(tmp_path: Path) -> None:
    files = {
        "collection.tsv.gz": gzip.compress(b"0\tzero\n1\tone\n"),
        "queries.train.tsv": "7\tseven?\n",
        "queries.dev.tsv": "9\tnine?\n",
        "qrels.train.tsv": "7\t0\t1\t1\n",
        "qrels.dev.tsv": "9\t0\t0\t1\n",
    }
    write(tmp_path, files)
    assert only(read(tmp_path, language="en")).items == [PairItem("7", "7", {"en": "seven?"}, {"en": "one"})]
    refused(tmp_path, "--train-language")


def miracl(language: str, answer: str) -> dict[str, str]:
    name = f"miracl-v1.0-{language}"
    documents = [{"docid": f"{n}#0", "title": "T", "text": f"{answer} {n}"} for n in range(3)]
    return {
        f"{name}/topics/topics.{name}-train.tsv": f"0\t{answer}?\n",
        f"{name}/topics/topics.{name}-dev.tsv": "5\tother?\n",
        f"{name}/qrels/qrels.{name}-train.tsv": "0\tQ0\t1#0\t1\n0\tQ0\t2#0\t0\n",
        f"{name}/qrels/qrels.{name}-dev.tsv": "5\tQ0\t0#0\t1\n",
        f"miracl-corpus-v1.0-{language}/docs-0.jsonl": "".join(json.dumps(one) + "\n" for one in documents),
    }


def test_languages_of_miracl_have_questions_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, miracl("sw", "jibu") | miracl("ko", "답"))
    found = only(read(tmp_path))
    assert sorted(found.items, key=lambda item: item.id) == [
        PairItem("ko:0", "ko:0", {"ko": "답?"}, {"ko": "T 답 1"}, {"ko": ("T 답 2",)}),
        PairItem("sw:0", "sw:0", {"sw": "jibu?"}, {"sw": "T jibu 1"}, {"sw": ("T jibu 2",)}),
    ]


def test_mr_tydi_as_it_is_published(tmp_path: Path) -> None:
    files = {
        "topic.train.tsv": "1\tq?\n",
        "qrels.train.txt": "1\tQ0\t8#1\t1\n",
        "collection/docs.jsonl.gz": gzip.compress(b'{"id": "8#1", "contents": "text"}\n'),
    }
    write(tmp_path / "mrtydi-v1.1-arabic", files)
    found = only(read(tmp_path, "mrtydi-v1.1-arabic"))
    assert found.items == [PairItem("ar:1", "ar:1", {"ar": "q?"}, {"ar": "text"})]


BEIR = {
    "corpus.jsonl": [{"_id": "d", "title": "T", "text": "x"}, {"_id": "e", "title": "", "text": "y"}],
    "queries.jsonl": [{"_id": "q", "text": "q?"}],
    "qrels/train.tsv": "query-id\tcorpus-id\tscore\nq\td\t2\nq\te\t0\n",
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nz\td\t1\n",
}


def test_beir_is_trained_on_its_own_judgements_for_training(tmp_path: Path) -> None:
    write(tmp_path, BEIR)
    found = only(read(tmp_path, language="en")).items
    assert found == [PairItem("en:q", "en:q", {"en": "q?"}, {"en": "T x"}, {"en": ("y",)})]


def test_a_folder_called_like_a_word_has_no_language(tmp_path: Path) -> None:
    write(tmp_path / "my-data", BEIR)
    refused(tmp_path / "my-data", "--train-language")


WRONG = {
    "no training split": (
        {"qrels/train.tsv": None},
        ["qrels/test.tsv is of another split (judgements)", "called train"],
    ),
    "half a corpus": ({"corpus.jsonl": BEIR["corpus.jsonl"][:1]}, ["1 of 2 passages in en", "'e'", "corpus.jsonl"]),
    "another question": ({"queries.jsonl": [{"_id": "z", "text": "z?"}]}, ["1 of 1 questions in en", "'q'"]),
    "grade in words": ({"qrels/train.tsv": "q\td\tyes\n"}, ["train.tsv:1", "grade is 'yes'"]),
    "two cells": ({"qrels/train.tsv": "q\td\n"}, ["train.tsv:1", "2 cells"]),
    "nothing relevant": ({"qrels/train.tsv": "q\td\t0\n"}, ["train.tsv", "no passage is judged relevant"]),
    "no text": ({"corpus.jsonl": [{"_id": "d", "body": "x"}]}, ["corpus.jsonl:1", "_id, body"]),
    "empty text": ({"corpus.jsonl": [{"_id": "d", "text": " "}]}, ["corpus.jsonl:1", "text is empty"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    changed, parts = WRONG[case]
    write(tmp_path, {name: content for name, content in (BEIR | changed).items() if content is not None})
    refused(tmp_path, *parts, language="en")


def test_real_files_have_an_item_for_every_relevant_judgement(shared_data: Path) -> None:
    found = only(read(shared_data, "miracl-tydi-sample"))
    relevant = sum(
        int(line.split()[3]) > 0
        for path in (shared_data / "miracl-tydi-sample").glob("*/qrels/*train.tsv")
        for line in path.read_text().splitlines()
    )
    assert len(found.items) == relevant
    assert set(found.seen.spellings) == {"en", "ko", "sw"}
    assert len(only(read(shared_data, "scifact", "en")).items) == 919


def test_questions_of_another_split_only_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"collection.tsv": "0\tzero\n", "queries.dev.tsv": "7\tq\n", "qrels.train.tsv": "7\t0\t0\t1\n"})
    refused(tmp_path, "queries.dev.tsv is of another split (queries)", language="en")


def test_a_question_keeps_a_hundred_negatives_and_the_others_are_counted(tmp_path: Path) -> None:
    files = {
        "collection.tsv": "".join(f"{n}\tpassage {n}\n" for n in range(151)),
        "queries.train.tsv": "7\tq\n",
        "triples.train.ids.tsv": "".join(f"7\t0\t{n}\n" for n in range(1, 151)),
    }
    write(tmp_path, files)
    found = only(read(tmp_path, language="en"))
    assert len(found.items[0].negatives["en"]) == 100
    assert found.seen.notes == ("negatives beyond 100 of a question: 50",)
