from pathlib import Path

import pyarrow as pa
import pytest

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.corpora.image_text import image_to_text
from trainables.corpora.sources.multi30k import Multi30k
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics

TEXTS = {
    "en": ["A man.", "Two dogs.", "A boat."],
    "cs": ["Muž.", "Dva psi.", "Loď."],
    "de": ["Ein Mann.", "Zwei Hunde.", "Ein Boot."],
    "fr": ["Un homme.", "Deux chiens.", "Un bateau."],
}
SET = Multi30k(images=3)


def write(folder: Path, rows: slice, shard: str, split: str = "test", **texts: list[str | None]) -> None:
    columns = {language: pa.array(of[rows], pa.string()) for language, of in {**TEXTS, **texts}.items()}
    pictures = [picture(number) for number in range(3)][rows]
    write_parquet(folder / f"romrawinjp/multi30k/data/{split}-{shard}.parquet", pictures, columns)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    write(tmp_path, slice(0, 2), "00000-of-00002")
    write(tmp_path, slice(2, 3), "00001-of-00002")
    write(tmp_path, slice(0, 1), "00000-of-00001", "train")
    return tmp_path


def test_a_row_is_an_image_with_a_caption_in_every_language(copy: Path) -> None:
    found = SET.load((), copy)
    assert list(found.image_ids) == ["0", "1", "2"]
    for language, texts in TEXTS.items():
        assert [(c.image, c.text) for c in found.captions if c.language == language] == list(enumerate(texts))
    assert list(found.images) == [picture(0), picture(1), picture(2)]
    assert {c.language for c in SET.load(("de",), copy).captions} == {"de"}


def test_translations_are_parallel(copy: Path) -> None:
    measures = {name.measure for name in available_metrics(image_to_text("b", SET.load((), copy)))}
    assert "rank_distance" in measures


def test_half_a_set_is_told(copy: Path) -> None:
    with pytest.raises(UserError, match="has 3 images, and 1,000 were published"):
        load_benchmark("multi30k-text-to-image", "test", copy)
    write(copy, slice(2, 3), "00001-of-00002", cs=["Muž.", "Dva psi.", None])
    with pytest.raises(UserError, match="has 2 captions in cs, and 3 were published"):
        SET.load((), copy)
    (copy / "romrawinjp/multi30k/data/test-00001-of-00002.parquet").unlink()
    with pytest.raises(UserError, match="of the 00002 files of data number 1 is not there"):
        SET.load((), copy)


def test_a_copy_without_the_test_split_is_told(copy: Path) -> None:
    for path in (copy / "romrawinjp/multi30k/data").glob("test-*"):
        path.unlink()
    with pytest.raises(
        UserError, match=r"has no test split \(data/test-00000-of-00001\.parquet\): fetch the whole set"
    ):
        SET.load((), copy)
