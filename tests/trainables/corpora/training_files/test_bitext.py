"""Moses files, tables of sentence pairs and translation memories."""

import gzip
from pathlib import Path

import pytest

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import training_data

TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
 <header creationtool="x" srclang="en" adminlang="en" datatype="PlainText" segtype="sentence" o-tmf="x"/>
 <body>
  <tu><tuv xml:lang="en"><seg>Hello <ph>x</ph>you.</seg></tuv><tuv xml:lang="zh_CN"><seg>你好。</seg></tuv></tu>
  <tu><tuv xml:lang="en"><seg>Alone.</seg></tuv></tu>
 </body>
</tmx>
"""


def test_a_sentence_asks_for_its_translation_and_the_other_way_round(tmp_path: Path) -> None:
    write(tmp_path, {"train.en": "a\nb\n", "train.de": "A\nB\n"})
    for found in (read(tmp_path), read(tmp_path, "train"), read(tmp_path, ["train.en", "train.de"])):
        items = found["train"].items
        assert {(item.id, *item.query, *item.passage) for item in items[:2]} == {
            ("1:en-de", "en", "de"),
            ("1:de-en", "de", "en"),
        }
        data = training_data({"train": items})
        assert data.group_of_item.tolist() == [0, 0, 1, 1]
        # In one language a sentence would be its own answer.
        assert not ((data.query_text >= 0) & (data.passage_text >= 0)).any()


def test_captions_in_three_languages_packed(tmp_path: Path) -> None:
    write(tmp_path, {f"train.{lang}.gz": gzip.compress(f"{lang}\n".encode()) for lang in ("en", "de", "fr")})
    assert len(read(tmp_path)["train"].items) == 6


def test_emptied_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, {"x.en": "a\n\nc\n", "x.de": "A\nB\n\u200b\n"})
    found = only(read(tmp_path))
    assert len(found.items) == 2
    assert found.seen.notes == ("lines without a translation: 2",)


def test_sides_of_different_length_and_in_one_language_are_told(tmp_path: Path) -> None:
    write(tmp_path / "a", {"x.en": "a\nb\n", "x.de": "A\n"})
    refused(tmp_path / "a", "x.de ends before line 2, and", "x.en")
    write(tmp_path / "b", {"x.de": "a\n", "x.deu": "A\n"})
    refused(tmp_path / "b", "x.deu", "one language")
    refused(tmp_path / "b", "x.de", "one side of a bitext", names="x.de")


def test_a_program_beside_the_data_is_no_bitext(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{"anchor": "q", "positive": "p"}], "fetch.sh": "curl\n", "README.md": "x\n"})
    assert list(read(tmp_path, language="en")) == ["a"]


@pytest.mark.parametrize("name", ["pairs.en-de.tsv", "TED2020-en-de.tsv.gz"])
def test_two_columns_in_a_file_named_after_both_languages(tmp_path: Path, name: str) -> None:
    content = b'a "b\tA\nc\tC\n'
    write(tmp_path, {name: gzip.compress(content) if name.endswith("gz") else content})
    found = only(read(tmp_path))
    assert (found.seen.layout, len(found.items)) == ("bitext_table", 4)
    assert found.items[0] == PairItem("1:en-de", "1", {"en": 'a "b'}, {"de": "A"})


def test_sentence_pairs_of_tatoeba(tmp_path: Path) -> None:
    write(tmp_path, {"Sentence pairs in English-German - 2026-01-01.tsv": "1\tHi.\t2\tHallo.\n3\tBye.\t4\tTschüss.\n"})
    assert len(only(read(tmp_path, language="en:de")).items) == 4
    refused(tmp_path, "--train-language")
    refused(tmp_path, "both sides are in en", language="en")


def test_units_of_a_translation_memory(tmp_path: Path) -> None:
    write(tmp_path, {"memory.tmx": TMX})
    found = only(read(tmp_path))
    assert [(dict(item.query), dict(item.passage)) for item in found.items] == [
        ({"en": "Hello xyou."}, {"zh": "你好。"}),
        ({"zh": "你好。"}, {"en": "Hello xyou."}),
    ]
    assert found.seen.spellings["zh"] == ("zh_CN",)
    assert found.seen.notes == ("units without a translation: 1",)


def test_a_broken_translation_memory_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"memory.tmx": TMX[:-60]})
    refused(tmp_path, "memory.tmx", "no TMX file after unit 1")
