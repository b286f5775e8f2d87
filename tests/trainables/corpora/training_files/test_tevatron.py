from pathlib import Path

import pytest
from datasets import Dataset

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem

RECORD = {
    "query_id": "4",
    "query": "q",
    "positive_passages": [{"docid": "1#0", "title": "T", "text": "p"}, {"docid": "2#0", "title": "", "text": "r"}],
    "negative_passages": [{"docid": "3#0", "title": "", "text": "n"}],
}
ITEMS = [
    PairItem("4", "4", {"sw": "q"}, {"sw": "T p"}, {"sw": ("n",)}),
    PairItem("4.2", "4", {"sw": "q"}, {"sw": "r"}, {"sw": ("n",)}),
]


@pytest.mark.parametrize("name", ["train.sw.jsonl", "train.sw.parquet"])
def test_titles_stand_before_texts_and_every_positive_is_an_item(tmp_path: Path, name: str) -> None:
    data = Dataset.from_list([RECORD])
    (data.to_json if name.endswith("jsonl") else data.to_parquet)(str(tmp_path / name))
    assert only(read(tmp_path)).items == ITEMS


def test_negatives_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{**RECORD, "negative_passages": []}, {**RECORD, "query_id": "5"}]})
    found = only(read(tmp_path, language="sw")).items
    assert [len(item.negatives) for item in found] == [0, 0, 1, 1]


WRONG = {
    "text for a passage": ({**RECORD, "positive_passages": ["p"]}, ["a.jsonl:1", "'p' (str)", "docid"]),
    "no list": ({**RECORD, "negative_passages": {"text": "n"}}, ["a.jsonl:1", "negative_passages", "list"]),
    "no positive": ({**RECORD, "positive_passages": []}, ["a.jsonl:1", "no positive passage"]),
    "passages by id": (
        {"query_id": "4", "query_text": "q", "positive_document_ids": ["1"], "negative_document_ids": []},
        ["a.jsonl:1 names its passages by positive_document_ids", "write the texts into query, positive_passages"],
    ),
    "no question": ({"positive_passages": []}, ["a.jsonl:1", "'query' is missing"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    record, parts = WRONG[case]
    if case == "no question":
        record = {"positive_passages": [{"text": "p"}]}
    write(tmp_path, {"a.jsonl": [record]})
    refused(tmp_path, *parts, language="sw")


def test_a_question_that_comes_twice_is_told(tmp_path: Path) -> None:
    other = {**RECORD, "positive_passages": [{"docid": "9", "title": "", "text": "other"}]}
    write(tmp_path, {"a.jsonl": [RECORD, other]})
    refused(tmp_path, "a.jsonl:2", "a.jsonl:1", "'4'", language="sw")
