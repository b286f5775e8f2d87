from pathlib import Path

from datasets import Dataset

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.items import PairItem

DE = {"image_id": "a", "image": {"bytes": b"no picture", "path": None}, "captions": ["Ein Hund.", "Hund im Gras."]}
EN = {**DE, "captions": ["A dog.", "Dog on grass.", "An animal."]}


def test_captions_of_one_image_are_an_item_in_all_languages(tmp_path: Path) -> None:
    single = {**DE, "image_id": "b", "captions": ["Allein."]}
    for language, rows in {"de": [DE, single], "en": [EN]}.items():
        Dataset.from_list(rows).to_parquet(str(tmp_path / f"{language}-00000-of-00001.parquet"))
    found = only(read(tmp_path))
    assert found.items == [
        PairItem("a", "a", {"de": "Ein Hund.", "en": "A dog."}, {"de": "Hund im Gras.", "en": "Dog on grass."}),
        PairItem("a.2", "a", {"en": "A dog."}, {"en": "An animal."}),
    ]
    assert found.seen is not None
    assert (found.seen.layout, found.seen.columns) == ("captions", ("image_id", "captions"))
    assert found.seen.notes == ("images with less than two captions in a language: 1",)


def test_a_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{"image_id": "1", "captions": ["a", "b"]}, {"image_id": "2", "captions": ["a", ""]}]})
    refused(tmp_path, "a.jsonl:2: the captions, number 2, is empty", language="en")
