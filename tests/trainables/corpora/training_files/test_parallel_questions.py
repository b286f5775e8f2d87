"""Mintaka and MKQA."""

import json
from pathlib import Path

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem

MINTAKA = [
    {
        "id": "a9",
        "question": "Who?",
        "translations": {"de": "Wer?", "pt": "Quem?"},
        "questionEntity": [],
        "answer": {
            "answerType": "entity",
            "answer": [{"name": "Q1", "label": {"en": "All", "de": "Alle", "ar": None}}],
        },
        "category": "x",
    },
    {
        "id": "b1",
        "question": "How many?",
        "translations": {"de": "Wie viele?"},
        "answer": {"answerType": "numerical", "answer": [3], "mention": "3"},
    },
    {"id": "b2", "question": "Is it?", "translations": {}, "answer": {"answerType": "boolean", "answer": None}},
]
MKQA = [
    {
        "example_id": -12,
        "query": "who",
        "queries": {"en": "who", "zh_cn": "谁", "zh_tw": "誰"},
        "answers": {
            "en": [{"type": "entity", "entity": "Q1", "text": "all", "aliases": ["everybody"]}],
            "zh_cn": [{"type": "entity", "entity": "Q1", "text": "所有人"}],
            "zh_tw": [{"type": "unanswerable", "text": None}],
        },
    },
    {"example_id": 2, "queries": {"en": "is it"}, "answers": {"en": [{"type": "binary", "text": "yes"}]}},
]


def test_mintaka_has_the_names_of_what_answers_a_question(tmp_path: Path) -> None:
    write(tmp_path, {"mintaka_train.json": json.dumps(MINTAKA, indent=2)})
    found = only(read(tmp_path))
    asked = {"en": "Who?", "de": "Wer?", "pt": "Quem?"}
    assert found.items == [PairItem("a9", "a9", asked, {"en": "All", "de": "Alle"})]
    assert found.seen.notes == ("questions without an answer in words: 2",)


def test_mkqa_has_short_answers_and_its_codes_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"mkqa.jsonl": MKQA})
    found = only(read(tmp_path))
    asked = {"en": "who", "zh": "谁", "zh-Hant": "誰"}
    assert found.items == [PairItem("-12", "-12", asked, {"en": "all", "zh": "所有人"})]
    assert found.seen.spellings == {"en": ("en",), "zh": ("zh_cn",), "zh-Hant": ("zh_tw",)}
    assert found.seen.notes == ("questions without an answer in words: 1",)


def test_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    write(tmp_path / "a", {"a.json": json.dumps([MINTAKA[0], {**MINTAKA[0], "id": "c", "answer": "All"}])})
    refused(tmp_path / "a", "a.json, element 2", "'answer' is 'All'")
    write(tmp_path / "b", {"b.jsonl": [MKQA[0], {**MKQA[0], "example_id": 5, "queries": ["who"]}]})
    refused(tmp_path / "b", "b.jsonl:2", "'queries' is ['who']")
    write(tmp_path / "c", {"c.jsonl": [MKQA[0], MKQA[0]]})
    refused(tmp_path / "c", "c.jsonl:2", "c.jsonl:1", "'-12'")
