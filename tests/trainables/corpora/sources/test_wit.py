import io
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
from PIL import Image

from tests.trainables.corpora.pictures import picture
from trainables.corpora.image_text import image_to_text, text_to_image
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.sources.wit import PUBLISHED
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics

ROWS = {
    "bg": {"image_id": ["a.jpg", "b.jpg"], "captions": [["Котка", "Котката"], ["Куче"]]},
    # The second caption is a no-break space, and a.jpg is in both languages.
    "el": {"image_id": ["c.jpg", "d.jpg", "a.jpg"], "captions": [["Σπίτι"], ["\u00a0"], ["Γάτα"]]},
}
PICTURES = {"bg": [0, 1], "el": [2, 3, 0]}
SET = replace(PUBLISHED, images={"bg": 2, "el": 3}, captions={"bg": 3, "el": 2})


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """As `datasets` writes a set whose images are of its own kind."""
    features = datasets.Features(
        image=datasets.Image(), image_id=datasets.Value("string"), captions=datasets.List(datasets.Value("string"))
    )
    for language, columns in ROWS.items():
        pictures = [Image.open(io.BytesIO(picture(number))) for number in PICTURES[language]]
        path = tmp_path / "mteb" / "wit" / "data" / f"{language}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict({"image": pictures, **columns}, features=features).to_parquet(str(path))
    return tmp_path


def test_every_language_has_its_own_images_and_captions(copy: Path) -> None:
    found = SET.load((), copy)
    assert list(found.image_ids) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "a.jpg"]
    assert list(found.image_languages) == ["bg", "bg", "el", "el", "el"]
    assert [(c.image, c.language, c.text) for c in found.captions] == [
        (0, "bg", "Котка"), (0, "bg", "Котката"), (1, "bg", "Куче"), (2, "el", "Σπίτι"), (4, "el", "Γάτα"),
    ]  # fmt: skip
    assert found.images[0] == found.images[4] != found.images[3]


def test_languages_are_not_parallel_so_there_is_one_setting_and_no_bias(copy: Path) -> None:
    found = SET.load((), copy)
    for built in (text_to_image("b", found), image_to_text("b", found)):
        assert {name.setting for name in available_metrics(built)} == {"monolingual", None}
    # A caption searches the images of its language, with that without a caption among them.
    asked = text_to_image("b", found)
    assert asked.candidate_ids == ("bg:a.jpg", "bg:b.jpg", "el:c.jpg", "el:d.jpg", "el:a.jpg")
    assert image_to_text("b", found).unjudged_queries == 1


def test_what_an_image_is_called_in_two_languages_is_one_question(copy: Path) -> None:
    """Its values are not independent of each other, and are resampled together."""
    built = image_to_text("b", SET.load((), copy))
    assert [built.parallel_ids[p] for p in built.query_parallel] == ["a.jpg", "b.jpg", "c.jpg", "a.jpg"]


def test_captions_that_are_more_than_white_space_are_counted(copy: Path) -> None:
    assert (sum(PUBLISHED.images.values()), sum(PUBLISHED.captions.values())) == (8553, 9582)
    assert len(PUBLISHED.images) == 11
    with pytest.raises(UserError, match="has 2 captions in el, and 3 were published"):
        replace(SET, captions={"bg": 3, "el": 3}).load((), copy)
    with pytest.raises(UserError, match="has 2 images in bg, and 806 were published"):
        load_benchmark("wit-image-to-text:bg", "test", copy)
