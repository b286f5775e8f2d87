"""Pictograms: the embedded set of pictures with captions in eleven languages, drawn at first use.

An item is a scene ("three red circles on the left"): a picture, and a caption in every language, which says all of it
and nothing else. Captions of a scene are parallel by construction. Combinations are held out, not what they are made
of: every count, colour, shape and place is seen in training, and so is every pair of them, but none of the scenes of
the dev and test sets. Texts are not held out: all sets share their wordings on purpose, so that no overlap of texts is
looked for between them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from trainables.corpora.benchmark import IMAGE, Benchmark
from trainables.corpora.hashes import number_of
from trainables.corpora.image_items import image_items
from trainables.corpora.image_text import Caption, ImageTexts, both_directions, image_to_text
from trainables.corpora.images import HeldImages
from trainables.corpora.pictograms.drawing import picture
from trainables.corpora.pictograms.grammars.registry import GRAMMARS
from trainables.corpora.pictograms.scenes import Scene, scenes
from trainables.corpora.sources.base import TrainingSource

NAME = "pictograms"

_HELD_OUT = {"test": 160, "dev": 80}
"""How many scenes each set holds out; the others train."""


@cache
def pictograms(split: str) -> ImageTexts:
    """Returns the scenes of `train`, `dev` or `test` with a caption in each language."""
    found = _split()[split]
    captions = [
        Caption(number, language, _caption(scene, language))
        for number, scene in enumerate(found)
        for language in GRAMMARS
    ]
    images = HeldImages(tuple(picture(scene) for scene in found), f"pictograms, {split}")
    return ImageTexts([scene.id for scene in found], [IMAGE] * len(found), images, captions)


@cache
def _split() -> dict[str, tuple[Scene, ...]]:
    """The scenes of each split, decided by hash, so that they look random and never change."""
    left = sorted(scenes(), key=lambda scene: number_of("held out", scene.id))
    found = {}
    for name, count in _HELD_OUT.items():
        found[name], left = tuple(left[:count]), left[count:]
    return {**found, "train": tuple(left)}


def _caption(scene: Scene, language: str) -> str:
    """One of the wordings, drawn for each scene and language afresh: a wording never gives away a match."""
    wordings = GRAMMARS[language](scene)
    return wordings[number_of("caption", scene.id, language) % len(wordings)]


def _in_languages(languages: Sequence[str], data_dir: Path | None) -> ImageTexts:
    """The test set with captions in some languages, or all for none."""
    found = pictograms("test")
    kept = [caption for caption in found.captions if not languages or caption.language in languages]
    return replace(found, captions=kept)


def _image_to_text(split: str, data_dir: Path | None) -> Benchmark:
    name = f"{NAME}-image-to-text"
    return image_to_text(name if split == "test" else f"{name}-{split}", pictograms(split))


_DESCRIPTION = "drawn scenes with captions in 11 languages, built in"
_LICENCE = "Apache-2.0"

(_TEXT_TO_IMAGE, _IMAGE_TO_TEXT), COLLECTION = both_directions(
    NAME, _in_languages, languages=tuple(GRAMMARS), description=_DESCRIPTION, licence=_LICENCE, origin=""
)
# The direction in which languages compete chooses parameters.
BENCHMARKS = (_TEXT_TO_IMAGE, replace(_IMAGE_TO_TEXT, splits=("dev", "test"), load=_image_to_text))

TRAINING = TrainingSource(
    name=NAME,
    description=_DESCRIPTION,
    licence=_LICENCE,
    load=lambda data_dir: image_items(pictograms("train")),
    images=lambda data_dir: pictograms("train").images,
    dev=_IMAGE_TO_TEXT.name,
    overlap_exempt=frozenset((*COLLECTION.members, f"{_IMAGE_TO_TEXT.name}-dev")),
)
