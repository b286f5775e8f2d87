"""XTD10: photographs of COCO with one caption in each of 11 languages; captions of its own in seven of them.

Line i of every file of captions is about the image on line i of the names. The images must be there, in a copy of COCO.

Leak warning: 800 of the 1,000 images are training images of COCO 2014, on which many encoders of images were trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainables.corpora.benchmark import IMAGE
from trainables.corpora.downloads import cache_folder, fetched
from trainables.corpora.image_text import Caption, ImageTexts, both_directions
from trainables.corpora.image_text_tables import check_count
from trainables.corpora.images import FileImages
from trainables.corpora.text_files import read_text
from trainables.errors import UserError

NAME = "xtd10"
COMMIT = "d77ff16148468c84287f3efcbf602a015c5e4954"
REPOSITORY = f"https://raw.githubusercontent.com/adobe-research/Cross-lingual-Test-Dataset-XTD10/{COMMIT}"
NAMES = "XTD10/test_image_names.txt"

CAPTIONS = {
    "de": "MIC/test_1kcaptions_de.txt",
    "en": "XTD10/test_1kcaptions_en.txt",
    "es": "XTD10/test_1kcaptions_es.txt",
    "fr": "MIC/test_1kcaptions_fr.txt",
    "it": "XTD10/test_1kcaptions_it.txt",
    # Written like its country.
    "ja": "STAIR/test_1kcaptions_jp.txt",
    "ko": "XTD10/test_1kcaptions_ko.txt",
    "pl": "XTD10/test_1kcaptions_pl.txt",
    "ru": "XTD10/test_1kcaptions_ru.txt",
    "tr": "XTD10/test_1kcaptions_tr.txt",
    "zh": "XTD10/test_1kcaptions_zh.txt",
}

SHA256 = {
    NAMES: "504a472dfd40e44f2d0facd6320b9dc1c7d64c58aac9840f0b1da4807cb3a30a",
    "MIC/test_1kcaptions_de.txt": "51f1e9fe05d85b7cd33543676ed2fea51b05399cc403a5fca557ca7ecdb9a207",
    "MIC/test_1kcaptions_fr.txt": "84aa16954706a0f654b59788ffb6a3bcb1b1d9d12dc9d7a3de26730bc04664b5",
    "STAIR/test_1kcaptions_jp.txt": "20908aa5763ee7b1bacc1f29aa507532d3dc6a7e6a8c43e6acd2ec72d1e80c10",
    "XTD10/test_1kcaptions_en.txt": "ac5531b6842c1d469fba80aa6f44e2af054e84a41da8f9eaf01d831e943039b9",
    "XTD10/test_1kcaptions_es.txt": "cacc43d4e7af56b02033865531ea70494049f1d0dd3ea89ff2a217e7e190c4f2",
    "XTD10/test_1kcaptions_it.txt": "b4095d3550eb1accf8c9c78314b4bef45847a3929b5c5fe15a1264ea31dec7cc",
    "XTD10/test_1kcaptions_ko.txt": "92d35e082cd081724560c9abdb2b45753ceb52aaabddb9a0f79dc04967a36800",
    "XTD10/test_1kcaptions_pl.txt": "b6af6b7941f44e902b50736dcf9a7221af28e755a259511652c599cf6ae89c78",
    "XTD10/test_1kcaptions_ru.txt": "7d93631ff85b53592091b3cbfd9ca963397e77038fb3d0fdd9374b1b02ae98a3",
    "XTD10/test_1kcaptions_tr.txt": "147e9763dcb6e6ebba0b98fc799f0145c7d90005fa03ca8ec5a7cf29a04dd136",
    "XTD10/test_1kcaptions_zh.txt": "17229ff02ac85dd2d165f8316515a24fbe5100dbf486c22aaa12105dfb3353bf",
}


@dataclass(frozen=True)
class Xtd10:
    """The set, as published in a repository of texts."""

    lines: int = 1000
    """Of every file."""
    sha256: Mapping[str, str] = field(default_factory=lambda: SHA256)

    def load(self, languages: Sequence[str], data_dir: Path | None) -> ImageTexts:
        """Loads the set.

        Args:
            languages: of the captions; none: all.
            data_dir: holds the images, in `coco/train2014` and `coco/val2014`, or in `train2014` and `val2014`. The
                texts are in `xtd10`, a clone of the repository; without that they are fetched.

        Raises:
            UserError: a file is missing, has another number of lines or an empty one, or an image cannot be decoded.
        """
        if data_dir is None:
            raise UserError(
                f"{NAME} needs the images of COCO 2014: put train2014 and val2014 into a folder and name it with "
                "--data-dir."
            )
        names = self._lines(data_dir, NAMES)
        images = FileImages(tuple(_coco_image(data_dir, name) for name in names))
        images.check()
        captions = [
            Caption(image, language, text)
            for language in languages or CAPTIONS
            for image, text in enumerate(self._lines(data_dir, CAPTIONS[language]))
        ]
        copy = data_dir / NAME
        origin = str(copy) if copy.is_dir() else REPOSITORY
        return ImageTexts([Path(name).stem for name in names], [IMAGE] * len(names), images, captions, origin)

    def _lines(self, data_dir: Path, name: str) -> list[str]:
        """The lines of a file, without their ends, of which some files have two characters and no last one."""
        copy = data_dir / NAME
        if copy.is_dir():
            path = copy / name
        else:
            remedy = f"clone the repository into {copy}"
            path = fetched(f"{REPOSITORY}/{name}", cache_folder() / NAME / name, self.sha256[name], remedy)
        found = [line.strip() for line in read_text(path).removesuffix("\n").split("\n")]
        check_count(str(path), "lines", len(found), self.lines)
        if "" in found:
            raise UserError(f"{path}:{found.index('') + 1} is empty: take the original file.")
        return found


def _coco_image(data_dir: Path, name: str) -> Path:
    """Where an image called `COCO_{split}_{number}.jpg` lies."""
    split = name.split("_")[1] if name.count("_") == 2 else ""
    places = [folder / split / name for folder in (data_dir / "coco", data_dir)]
    found = next((place for place in places if split and place.is_file()), None)
    if found is None:
        raise UserError(
            f"The image {name} of {NAME} is neither at {places[0]} nor at {places[1]}: put train2014 and val2014 of "
            "COCO there."
        )
    return found


REFERENCE = """@misc{aggarwal2020zeroshot,
  author        = {Pranav Aggarwal and Ajinkya Kale},
  title         = {Towards Zero-shot Cross-lingual Image Retrieval},
  year          = {2020},
  eprint        = {2012.05107},
  archiveprefix = {arXiv}
}"""

BENCHMARKS, COLLECTION = both_directions(
    NAME,
    Xtd10().load,
    languages=tuple(CAPTIONS),
    description="1,000 images of COCO, 800 of them training images, with a caption in each of 11 languages",
    licence="LicenseRef-Adobe-Research-NC",
    origin=REPOSITORY,
    non_commercial=True,
    references=(REFERENCE,),
    measures=("success@10", "success@1", "success@5", "recall@5", "ndcg@10"),
)
