from pathlib import Path

import pytest

from tests.trainables.corpora.pictures import picture, write_parquet
from trainables.batches.planner import BatchPlanner
from trainables.corpora.benchmark import IMAGE
from trainables.corpora.dev_split import split_dev
from trainables.corpora.image_items import image_digest, image_items, image_text, images_by_digest
from trainables.corpora.image_text import Caption, ImageTexts
from trainables.corpora.images import HeldImages
from trainables.corpora.pair_files import Asked
from trainables.corpora.pairs import training_data
from trainables.corpora.training_sets import read_training
from trainables.errors import UserError

LANGUAGES = ("de", "el", "en")
IMAGES = HeldImages(tuple(picture(number) for number in range(12)), "toy")
CAPTIONS = [Caption(image, language, f"{language} {image}") for image in range(12) for language in LANGUAGES]
TEXTS = ImageTexts([f"i{n}" for n in range(12)], [IMAGE] * 12, IMAGES, CAPTIONS)


def test_a_text_stands_for_an_image_and_no_other_text_does() -> None:
    digest = IMAGES.digests()[0]
    assert image_digest(image_text(digest)) == digest
    for text in ("", "\ufffc", digest, f"\ufffc{digest} ", f"x{digest}", "\ufffc An object"):
        assert image_digest(text) is None


def test_the_image_is_the_passage_in_each_language_that_it_is_told_in() -> None:
    captions = [Caption(0, "de", "a"), Caption(0, "en", "b"), Caption(0, "en", "c"), Caption(1, "de", "d")]
    items = image_items(ImageTexts(["x", "y"], [IMAGE] * 2, IMAGES.take([0, 1]), captions))
    one, other = map(image_text, IMAGES.digests()[:2])
    assert [(item.id, item.group, item.query, item.passage) for item in items] == [
        ("x", "x", {"de": "a", "en": "b"}, {"de": one, "en": one}),
        ("x#2", "x", {"en": "c"}, {"en": one}),
        ("y", "y", {"de": "d"}, {"de": other}),
    ]
    assert training_data({"toy": items}).group_of_item.tolist() == [0, 0, 1]


def test_the_kind_of_a_batch_decides_in_which_languages_its_captions_are_and_nothing_else() -> None:
    data = training_data({"toy": image_items(TEXTS)}, [IMAGES])
    planner = BatchPlanner(data, batch_size=8, seed=3)
    mixed = 0
    for step in range(20):
        mono, cross = planner.batch(step, "mono"), planner.batch(step, "cross")
        assert len(set(mono.query_language.tolist())) == 1
        assert mono.items.tolist() == cross.items.tolist()
        # The same images in the same order, whatever the kind.
        assert mono.passage_text.tolist() == cross.passage_text.tolist()
        mixed += len(set(cross.query_language.tolist()))
    assert mixed > 2 * 20


def test_a_dev_set_of_images_searches_the_captions_of_images_that_do_not_train() -> None:
    kept, dev = split_dev({"toy": image_items(TEXTS)}, share=0.25, images=[IMAGES])
    assert dev.query_images is not None
    assert (len(dev.query_texts), len(dev.candidate_texts)) == (3, 9)
    assert dev.languages == ("de", "el", "en", IMAGE)
    trained = {image_digest(item.passage["de"]) for item in kept["toy"]}
    assert not trained & set(dev.query_images.digests())
    for row, name in enumerate(dev.query_parallel):
        assert dev.query_images.digests()[row] == IMAGES.digests()[int(dev.parallel_ids[name][1:])]


def test_images_are_found_by_their_content() -> None:
    digests = IMAGES.digests()
    assert images_by_digest([IMAGES.take([4, 2]), IMAGES], [digests[2], digests[7]]) == [picture(2), picture(7)]
    with pytest.raises(KeyError):
        images_by_digest([IMAGES], ["none"])


def test_a_folder_of_images_and_captions_is_a_training_set(tmp_path: Path) -> None:
    columns = {"image_id": ["a", "b"], "caption_de": ["Katze", "Hund"], "caption_en": ["cat", "dog"]}
    write_parquet(tmp_path / "pets" / "train.parquet", [picture(0), picture(1)], columns)
    write_parquet(tmp_path / "pets" / "test.parquet", [picture(2)], {key: ["c"] for key in columns})
    (name, found), *others = read_training([str(tmp_path / "pets")], None, Asked()).items()
    assert (name, others) == ("pets", [])
    assert found.images is not None
    assert list(found.images) == [picture(0), picture(1)]
    assert [item.query for item in found.items] == [{"de": "Katze", "en": "cat"}, {"de": "Hund", "en": "dog"}]
    (tmp_path / "pets" / "train.parquet").write_bytes(b"none")
    with pytest.raises(UserError, match="no whole Parquet file"):
        read_training(["pets"], tmp_path, Asked())
