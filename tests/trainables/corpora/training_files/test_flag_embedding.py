from pathlib import Path

import pytest

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem


def test_every_positive_is_an_item_of_the_question_s_group(tmp_path: Path) -> None:
    records = [
        {"query": "q", "pos": ["p1", "p2"], "neg": ["n1", "", "n2"], "pos_scores": [1.0, 0.9], "prompt": "ask"},
        {"query": "r", "pos": ["p3"]},
    ]
    write(tmp_path, {"a.jsonl": records})
    found = only(read(tmp_path, language="en"))
    negatives = {"en": ("n1", "n2")}
    assert found.items == [
        PairItem("1", "1", {"en": "q"}, {"en": "p1"}, negatives),
        PairItem("1.2", "1", {"en": "q"}, {"en": "p2"}, negatives),
        PairItem("2", "2", {"en": "r"}, {"en": "p3"}),
    ]
    assert found.seen.columns == ("query", "pos", "neg")
    assert found.seen.notes == ("empty negatives: 1",)


def test_positives_of_one_place_are_translations(tmp_path: Path) -> None:
    for lang in ("de", "en"):
        record = {"parallel_id": "x", "query": f"q {lang}", "pos": [f"p {lang}", f"r {lang}"], "neg": [f"n {lang}"]}
        write(tmp_path, {f"a.{lang}.jsonl": [record]})
    first, second = read(tmp_path)["a"].items
    assert first.passage == {"de": "p de", "en": "p en"}
    assert second.passage == {"de": "r de", "en": "r en"}
    assert second.negatives == {"de": ("n de",), "en": ("n en",)}
    assert first.group == second.group == "x"


WRONG = {
    "a text for a list": ({"query": "q", "pos": "p"}, ["a.jsonl:1", "pos is 'p' (str)", "list"]),
    "no positive": ({"query": "q", "pos": []}, ["a.jsonl:1", "no positive passage"]),
    "empty positive": ({"query": "q", "pos": ["p", " "]}, ["a.jsonl:1", "pos, number 2, is empty"]),
    "question null": ({"query": None, "pos": ["p"]}, ["a.jsonl:1", "query is None"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    record, parts = WRONG[case]
    write(tmp_path, {"a.jsonl": [record]})
    refused(tmp_path, *parts, language="en")
