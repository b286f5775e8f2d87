from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.image_text import text_to_image
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.sources.xflickrco import PUBLISHED
from trainables.errors import UserError

IDS = ["1007129816", "COCO_val2014_000000391895"]
SENTENCES = {"de": ["Ein Mann", "Ein Mann"], "zh": ["一个男人", "两个女人"]}
SET = replace(PUBLISHED, images=dict.fromkeys(SENTENCES, 2), captions=dict.fromkeys(SENTENCES, 2))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for language, sentences in SENTENCES.items():
        columns = {"sentences": pa.array(sentences, pa.string()), "id": pa.array(IDS, pa.string())}
        path = tmp_path / "xflickrco" / "data" / f"{language}-00000-of-00001.parquet"
        write_parquet(path, [picture(0), picture(1)], columns)
    return tmp_path


def test_an_image_has_a_sentence_in_every_language(copy: Path) -> None:
    found = SET.load((), copy)
    assert list(found.image_ids) == IDS
    assert [(c.image, c.language, c.text) for c in found.captions] == [
        (n, language, text) for language, of in SENTENCES.items() for n, text in enumerate(of)
    ]
    assert list(found.images) == [picture(0), picture(1)]


def test_equal_sentences_are_about_their_own_images(copy: Path) -> None:
    built = text_to_image("b", SET.load(("de",), copy))
    assert built.query_texts == ("Ein Mann", "Ein Mann")
    assert built.relevant.tolist() == [0, 1]


def test_there_are_2000_images_in_8_languages(copy: Path) -> None:
    assert PUBLISHED.images == PUBLISHED.captions
    assert set(PUBLISHED.images.values()) == {2000}
    assert sorted(PUBLISHED.images) == ["de", "en", "es", "id", "ja", "ru", "tr", "zh"]
    with pytest.raises(UserError, match="has 2 images in de, and 2,000 were published"):
        load_benchmark("xflickrco-text-to-image:de,zh", "test", copy)
