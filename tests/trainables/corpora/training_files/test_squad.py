import json
from pathlib import Path

import pytest
from datasets import Dataset

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem


def squad(language: str, ids: tuple[str, ...] = ("a", "b"), title: str = "T") -> str:
    asked = [{"id": one, "question": f"{one} {language}?", "answers": []} for one in ids]
    paragraph = {"context": f"context {language}", "qas": asked}
    return json.dumps(
        {"version": "1.1", "data": [{"title": f"{title} {language}", "paragraphs": [paragraph]}]}, indent=1
    )


def test_languages_are_joined_by_the_question_and_an_article_is_a_group(tmp_path: Path) -> None:
    write(tmp_path, {f"xquad.{lang}.json": squad(lang) for lang in ("de", "en")})
    found = read(tmp_path)["xquad"].items
    passage = {"de": "context de", "en": "context en"}
    assert found == [PairItem(one, "T de", {"de": f"{one} de?", "en": f"{one} en?"}, passage) for one in "ab"]


def test_names_of_mlqa_say_the_languages_of_both_sides(tmp_path: Path) -> None:
    files = {
        "test-context-de-question-en.json": squad("x").replace("context x", "context de").replace(" x?", " en?"),
        "test-context-en-question-en.json": squad("en"),
    }
    write(tmp_path, files)
    (first, _) = read(tmp_path)["test"].items
    assert (first.query, first.passage) == ({"en": "a en?"}, {"de": "context de", "en": "context en"})


def test_translate_train_is_in_the_second_language_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, {f"squad.translate.train.en-{lang}.json": squad(lang) for lang in ("de", "es")})
    found = read(tmp_path)["squad.translate.train"].items
    assert [item.query for item in found] == [{lang: f"{one} {lang}?" for lang in ("de", "es")} for one in "ab"]


def test_rows_of_the_hub(tmp_path: Path) -> None:
    rows = [{"id": "a", "title": "T", "context": "c", "question": "q", "answers": {"text": ["c"], "answer_start": [0]}}]
    Dataset.from_list(rows).to_parquet(str(tmp_path / "train.parquet"))
    found = only(read(tmp_path, language="en"))
    assert found.items == [PairItem("a", "T", {"en": "q"}, {"en": "c"})]
    assert found.seen.columns == ("id", "title", "context", "question")


WRONG = {
    "no questions": ('{"data": [{"title": "T", "paragraphs": [{"context": "c"}]}]}', ["article 1", "'qas' is missing"]),
    "no id": ('{"data": [{"paragraphs": [{"context": "c", "qas": [{"question": "q"}]}]}]}', ["article 1", "'id'"]),
    "empty context": (squad("de").replace("context de", " "), ["question a", "context is empty"]),
    "cut off": (squad("de")[:-20], ["a.de.json", "is not JSON", "line"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    content, parts = WRONG[case]
    write(tmp_path, {"a.de.json": content})
    refused(tmp_path, *parts)


def test_a_question_with_two_texts_in_one_language_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a.de.json": squad("de", ("a", "a")).replace('"a de?"', '"other?"', 1)})
    refused(tmp_path, "'a'", "another query in language 'de'")
