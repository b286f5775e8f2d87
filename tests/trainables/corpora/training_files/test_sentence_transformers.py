from pathlib import Path

import pytest
from datasets import Dataset

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem

TRIPLETS = {"anchor": ["q1", "q2"], "positive": ["p1", "p2"], "negative": ["n1", "n2"]}


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "parquet", "saved"])
def test_triplets_are_read_as_datasets_writes_them(tmp_path: Path, form: str) -> None:
    data = Dataset.from_dict(TRIPLETS)
    if form == "saved":
        data.save_to_disk(str(tmp_path / "set"))
    else:
        writer = {"jsonl": data.to_json, "json": data.to_json, "csv": data.to_csv, "parquet": data.to_parquet}[form]
        writer(str(tmp_path / f"set.{form}"))
    found = only(read(tmp_path, "set", "en"))
    assert found.items == [
        PairItem("1", "1", {"en": "q1"}, {"en": "p1"}, {"en": ("n1",)}),
        PairItem("2", "2", {"en": "q2"}, {"en": "p2"}, {"en": ("n2",)}),
    ]
    assert (found.seen.layout, found.seen.columns) == ("sentence_transformers", ("anchor", "positive", "negative"))


def test_mined_negatives_come_in_numbered_columns_in_any_order(tmp_path: Path) -> None:
    row = {"negative_2": "b", "query": "q", "answer": "p", "negative_1": "a", "negative_3": " ", "score": 0.4}
    write(tmp_path, {"a.jsonl": [row]})
    found = only(read(tmp_path, language="de"))
    assert found.items == [PairItem("1", "1", {"de": "q"}, {"de": "p"}, {"de": ("b", "a")})]
    assert found.seen.notes == ("empty negatives: 1",)
    assert "score" not in found.seen.columns


def test_questions_in_one_language_and_passages_in_another(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{"question": "q", "answer": "p"}]})
    assert only(read(tmp_path, language="en:de")).items == [PairItem("1", "1", {"en": "q"}, {"de": "p"})]


def test_records_with_one_parallel_id_are_translations_in_one_file_or_in_several(tmp_path: Path) -> None:
    rows = {lang: {"parallel_id": 7, "anchor": f"q {lang}", "positive": f"p {lang}"} for lang in ("de", "en")}
    expected = [PairItem("7", "7", {"de": "q de", "en": "q en"}, {"de": "p de", "en": "p en"})]
    write(tmp_path, {f"apart/faq.{lang}.jsonl": [row] for lang, row in rows.items()})
    write(tmp_path, {"one.jsonl": [{"lang": lang, **row} for lang, row in rows.items()]})
    assert read(tmp_path, "apart")["faq"].items == expected
    assert read(tmp_path, "one")["one"].items == expected


def test_other_ids_are_of_one_language(tmp_path: Path) -> None:
    write(tmp_path, {f"faq.{lang}.jsonl": [{"id": 1, "anchor": "q", "positive": "p"}] for lang in ("de", "en")})
    assert {name: one.items[0].id for name, one in read(tmp_path).items()} == {"faq.de": "1", "faq.en": "1"}
    rows = [{"id": 1, "language": lang, "anchor": "q", "positive": "p"} for lang in ("de", "en")]
    write(tmp_path / "one", {"a.jsonl": rows})
    assert [item.id for item in only(read(tmp_path / "one")).items] == ["de:1", "en:1"]


def test_shards_are_numbered_on(tmp_path: Path) -> None:
    data = Dataset.from_dict({"anchor": [f"q{n}" for n in range(9)], "positive": [f"p{n}" for n in range(9)]})
    for shard in range(3):
        data.shard(3, shard).to_parquet(str(tmp_path / f"train-{shard:05}-of-00003.parquet"))
    assert [item.id for item in read(tmp_path, language="en")["train"].items] == [str(n) for n in range(1, 10)]


WRONG = {
    "no language": ([{"anchor": "q", "positive": "p"}], "", ["a.jsonl", "--train-language en", "column `language`"]),
    "misspelt": ([{"anchor": "q", "postive": "p"}], "en", ["a.jsonl:1", "did you mean positive for 'postive'?"]),
    "empty positive": ([{"anchor": "q", "positive": "\u200b "}], "en", ["a.jsonl:1", "positive is empty"]),
    "null anchor": ([{"anchor": None, "positive": "p"}], "en", ["a.jsonl:1", "anchor is None"]),
    "column lost": ([{"anchor": "q", "positive": "p"}, {"anchor": "q"}], "en", ["a.jsonl:2", "'positive' is missing"]),
    "number": ([{"anchor": "q", "positive": "p", "negative": 3}], "en", ["a.jsonl:1", "negative", "3 (int)"]),
    "rows without pair_id": ([{"language": "en", "query": "q", "passage": "p"}], "", ["a.jsonl:1", "pair_id"]),
    "sentence pairs with scores": (
        [{"sentence1": "a", "sentence2": "b", "score": 1}],
        "en",
        ["sentence1", "no layout"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    records, language, parts = WRONG[case]
    write(tmp_path, {"a.jsonl": records})
    refused(tmp_path, *parts, language=language)
