from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.benchmark import IMAGE
from trainables.corpora.image_text import image_to_text, text_to_image
from trainables.corpora.languages import language_code
from trainables.corpora.sources.registry import benchmark_names, load_benchmark
from trainables.corpora.sources.xm3600 import PUBLISHED
from trainables.errors import UserError

IDS = ["000411001ff7dd4f", "0019fac3b2ed25d4", "ffb0ac9c4bd3c1f0"]
CAPTIONS = {
    "de": [["Ein Markt", "Stände auf einem Markt"], ["Ein Berg"], ["Boote", "Boote im Hafen", "Ein Hafen"]],
    "fil": [["Palengke"], ["Bundok"], ["Mga bangka"]],
    "quz": [["Qhatu", "Qhatu runakuna"], ["Urqu"], ["Yampukuna"]],
}
SET = replace(
    PUBLISHED,
    images=dict.fromkeys(CAPTIONS, 3),
    captions={language: sum(map(len, of)) for language, of in CAPTIONS.items()},
)


def write_split(
    folder: Path,
    language: str,
    rows: list[int],
    shard: str = "00000-of-00001",
    *,
    readable: bool = True,
    **columns: Any,
) -> None:
    """Writes some rows of a language in the layout of the hub."""
    captions = [CAPTIONS[language][row] for row in rows]
    table = {
        "image_id": [IDS[row] for row in rows],
        "image_locale": [language] * len(rows),
        "captions": captions,
        "captions_tokenized": captions,
        "captions_tokenized_lowercase": [[text.lower() for text in of] for of in captions],
        **columns,
    }
    lists = {name: pa.array(values, pa.list_(pa.string())) for name, values in table.items() if "captions" in name}
    pictures = [picture(row) if readable else b"not read" for row in rows]
    write_parquet(folder / "data" / f"{language}-{shard}.parquet", pictures, {**table, **lists})


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy in two shards of a language, in another order in another one; only the first has images to read."""
    folder = tmp_path / "mteb" / "xm3600"
    write_split(folder, "de", [0, 1], "00000-of-00002")
    write_split(folder, "de", [2], "00001-of-00002")
    write_split(folder, "fil", [2, 0, 1], readable=False)
    write_split(folder, "quz", [0, 1, 2], "00000-of-00001-3ab5f2c11d1f4bba", readable=False)
    return folder


def test_captions_of_all_languages_are_about_the_images_of_one(copy: Path) -> None:
    found = SET.load((), copy.parents[1])
    assert list(found.image_ids) == IDS
    assert set(found.image_languages) == {IMAGE}
    assert list(found.images) == [picture(0), picture(1), picture(2)]
    for language, captions in CAPTIONS.items():
        own = [(c.image, c.text) for c in found.captions if c.language == language_code(language)]
        assert sorted(own) == sorted((n, text) for n, of in enumerate(captions) for text in of)
    assert found.origin == str(copy)


def test_a_caption_has_one_image_and_an_image_one_to_three_captions_in_each_language(copy: Path) -> None:
    found = SET.load((), copy.parents[1])
    asked, answered = text_to_image("b", found), image_to_text("b", found)
    assert np.diff(asked.relevant_start).tolist() == [1] * 13
    assert np.diff(answered.relevant_start).tolist() == [5, 3, 5]
    assert asked.languages == answered.languages == ("de", "fil", IMAGE, "qu")


def test_some_languages_need_the_files_of_these_only(copy: Path) -> None:
    (copy / "data/fil-00000-of-00001.parquet").unlink()
    (copy / "data/quz-00000-of-00001-3ab5f2c11d1f4bba.parquet").unlink()
    found = SET.load(("de",), copy.parents[1])
    assert {caption.language for caption in found.captions} == {"de"}
    with pytest.raises(
        UserError, match=r"xm3600 has no split 'fil' \(data/fil-00000-of-00001\.parquet\): fetch the whole"
    ):
        SET.load((), copy.parents[1])


def test_a_missing_shard_is_told(copy: Path) -> None:
    (copy / "data/de-00001-of-00002.parquet").unlink()
    with pytest.raises(UserError, match="of the 00002 files of data number 1 is not there"):
        SET.load((), copy.parents[1])


def test_counts_are_those_that_were_published(copy: Path) -> None:
    with pytest.raises(
        UserError, match=r"xm3600 has 3 images in de, and 4 were published: take the whole original files"
    ):
        replace(SET, images=dict.fromkeys(CAPTIONS, 4)).load((), copy.parents[1])
    with pytest.raises(UserError, match=r"xm3600 has 4 captions in quz, and 7,200 were published"):
        replace(SET, captions={**SET.captions, "quz": 7200}).load((), copy.parents[1])


def test_other_images_in_another_language_are_told(copy: Path) -> None:
    write_split(copy, "fil", [0, 1, 2], image_id=[*IDS[:2], "other"])
    with pytest.raises(UserError, match=r"fil-.*\.parquet, row 3: the image 'other' is not among those of de"):
        SET.load((), copy.parents[1])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"image_id": [IDS[0], IDS[0], IDS[2]]}, r"row 2: the image '000411001ff7dd4f' is there already, at .*row 1"),
        ({"image_id": [IDS[0], "", IDS[2]]}, r"row 2: the id is ''"),
        ({"captions": [["a"], [None], ["b"]]}, r"row 2: captions is \[None\]: give a text, a list of texts, or null"),
    ],
)
def test_a_wrong_row_is_told_with_its_place(columns: dict[str, Any], said: str, copy: Path) -> None:
    write_split(copy, "quz", [0, 1, 2], "00000-of-00001-3ab5f2c11d1f4bba", **columns)
    with pytest.raises(UserError, match=said):
        SET.load((), copy.parents[1])


def test_a_missing_column_is_told_with_those_that_there_are(copy: Path) -> None:
    path = copy / "data/fil-00000-of-00001.parquet"
    write_parquet(path, [picture(0)], {"id": ["a"], "sentences": ["b"]})
    with pytest.raises(UserError, match=r"fil-.*row 1: there is no column image_id"):
        SET.load((), copy.parents[1])


def test_the_name_of_the_set_asks_in_both_directions() -> None:
    assert benchmark_names(["xm3600"]) == ("xm3600-text-to-image", "xm3600-image-to-text")
    assert sum(PUBLISHED.captions.values()) == 261_375
    assert len(PUBLISHED.captions) == 36


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_what_is_asked_for_by_name_must_be_the_whole_set(direction: str, copy: Path) -> None:
    with pytest.raises(UserError, match="has 3 images in de, and 3,600 were published"):
        load_benchmark(f"xm3600-{direction}:quz,de", "test", copy.parents[1])
    with pytest.raises(UserError, match=f"Unknown language of xm3600-{direction} 'xx'"):
        load_benchmark(f"xm3600-{direction}:xx", "test", copy.parents[1])
