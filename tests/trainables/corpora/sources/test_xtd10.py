import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainables.corpora.pictures import picture
from trainables.corpora.benchmark import IMAGE
from trainables.corpora.image_text import text_to_image
from trainables.corpora.sources import xtd10
from trainables.corpora.sources.registry import BENCHMARKS, load_benchmark
from trainables.corpora.sources.xtd10 import CAPTIONS, NAMES, SHA256, Xtd10
from trainables.errors import UserError

IMAGES = ["COCO_train2014_000000061844.jpg", "COCO_val2014_000000391895.jpg"]
SET = Xtd10(lines=2)


def texts() -> dict[str, str]:
    """The files of the repository, some of them with the line ends of another system and without the last one."""
    files = {file: f"{language} eins\n{language} zwei\n" for language, file in CAPTIONS.items()}
    for language in ("es", "it", "ko", "pl", "ru", "tr", "zh"):
        files[CAPTIONS[language]] = f"{language} eins\r\n{language} zwei"
    return {NAMES: "".join(f"{name}\n" for name in IMAGES), **files}


def write_texts(folder: Path) -> None:
    for name, content in texts().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    write_texts(tmp_path / "xtd10")
    for number, name in enumerate(IMAGES):
        folder = tmp_path / ("coco/train2014" if "train" in name else "val2014")
        folder.mkdir(parents=True)
        (folder / name).write_bytes(picture(number, "JPEG"))
    return tmp_path


def test_line_i_of_every_language_is_about_image_i(copy: Path) -> None:
    found = SET.load((), copy)
    assert list(found.image_ids) == [Path(name).stem for name in IMAGES]
    assert list(found.images) == [picture(0, "JPEG"), picture(1, "JPEG")]
    assert [(c.image, c.text) for c in found.captions if c.language == "zh"] == [(0, "zh eins"), (1, "zh zwei")]
    assert len(found.captions) == 22
    assert text_to_image("b", found).languages == tuple(sorted([*CAPTIONS, IMAGE]))


def test_files_lie_where_the_repository_has_them(copy: Path) -> None:
    """Japanese is spelled jp; German and French are of one folder, English is not."""
    files = sorted(path.relative_to(copy / "xtd10").as_posix() for path in (copy / "xtd10").rglob("*.txt"))
    assert files == sorted(SHA256)
    assert CAPTIONS["ja"] == "STAIR/test_1kcaptions_jp.txt"
    assert {file.split("/")[0] for language, file in CAPTIONS.items() if language in ("de", "fr")} == {"MIC"}
    assert {c.language for c in SET.load(("ja",), copy).captions} == {"ja"}


def test_texts_are_fetched_where_no_clone_is(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = copy / "published"
    (copy / "xtd10").rename(published)
    monkeypatch.setattr(xtd10, "REPOSITORY", published.as_uri())
    monkeypatch.setattr(xtd10, "cache_folder", lambda: copy / "cache")
    digests = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in texts().items()}
    assert len(Xtd10(lines=2, sha256=digests).load((), copy).captions) == 22
    with pytest.raises(UserError, match=r"gave another file than expected .*: clone the repository into .*xtd10"):
        SET.load((), copy)


def remove_image(copy: Path) -> None:
    (copy / "val2014" / IMAGES[1]).unlink()


def cut_line(copy: Path) -> None:
    (copy / "xtd10" / CAPTIONS["ja"]).write_text("ja eins\n")


def empty_line(copy: Path) -> None:
    (copy / "xtd10" / CAPTIONS["ja"]).write_text("ja eins\n \n")


def remove_file(copy: Path) -> None:
    (copy / "xtd10" / CAPTIONS["en"]).unlink()


def cut_image(copy: Path) -> None:
    (copy / "val2014" / IMAGES[1]).write_bytes(picture(1, "JPEG", size=(99, 99), noise=True)[:900])


def strange_name(copy: Path) -> None:
    (copy / "xtd10" / NAMES).write_text(f"{IMAGES[0]}\n../../etc/passwd\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_image, r"The image COCO_val2014_000000391895\.jpg of xtd10 is neither at .*coco/val2014.* nor at"),
        (cut_line, r"test_1kcaptions_jp\.txt has 1 lines, and 2 were published"),
        (empty_line, r"test_1kcaptions_jp\.txt:2 is empty: take the original file"),
        (remove_file, r"There is no file .*XTD10/test_1kcaptions_en\.txt"),
        (cut_image, r"val2014/COCO_val2014_000000391895\.jpg: the image cannot be decoded"),
        (strange_name, r"The image \.\./\.\./etc/passwd of xtd10 is neither"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(damage: Callable[[Path], None], said: str, copy: Path) -> None:
    damage(copy)
    with pytest.raises(UserError, match=said):
        SET.load((), copy)


def test_it_needs_images_of_coco_and_warns_of_those_that_were_trained_on(copy: Path) -> None:
    with pytest.raises(
        UserError, match=r"xtd10 needs the images of COCO 2014: put train2014 and val2014 into a folder"
    ):
        load_benchmark("xtd10-text-to-image", "test")
    with pytest.raises(UserError, match="has 2 lines, and 1,000 were published"):
        load_benchmark("xtd10-image-to-text", "test", copy)
    source = BENCHMARKS["xtd10-text-to-image"]
    assert source.non_commercial
    assert "800 of them training images" in source.description
    assert source.measures[0] == "success@10"
