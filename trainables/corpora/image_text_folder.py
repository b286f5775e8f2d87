"""Anybody's images and captions: a folder of Parquet files with columns `image_id`, `image` and `caption_{language}`.

`image` is a struct with the bytes of the encoded image (and a path, which is not followed), as data sets of the hub
have it; a caption is a text, a list of texts, or null. Of a folder with several splits that called `test` is read.
"""

from collections.abc import Sequence
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.image_text import DIRECTIONS, ImageTexts
from trainables.corpora.image_text_tables import captions_in_columns
from trainables.corpora.images import open_parquet
from trainables.corpora.languages import language_code
from trainables.errors import UserError

IMAGE_ID = "image_id"
PREFIX = "caption_"
"""What the name of a column of captions begins with; the code of its language follows."""


def is_image_text_folder(path: Path) -> bool:
    """Whether a folder holds Parquet files with images and captions; a file that is broken counts as another one."""
    try:
        names = [_columns(file) for file in _files(path, "test")]
    except UserError:
        return False
    return any("image" in of_file and any(name.startswith(PREFIX) for name in of_file) for of_file in names)


def image_text_benchmark(path: Path, direction: str, name: str | None = None) -> Benchmark:
    """Loads one of the two benchmarks of a folder.

    Args:
        path: the folder.
        direction: one of `image_text.DIRECTIONS`.
        name: of the benchmark; None: `FOLDER-text-to-image` or `FOLDER-image-to-text`.

    Raises:
        UserError: as `load_image_texts`.
    """
    return DIRECTIONS[direction](name or f"{path.resolve().name}-{direction}", load_image_texts(path))


def load_image_texts(path: Path, split: str = "test") -> ImageTexts:
    """Loads images and captions; captions of white space only are left out.

    Args:
        path: the folder.
        split: what the names of its files begin with, `test` or `train`; where none does, all files are read.

    Raises:
        UserError: the folder has no such files, a column is missing or of another type, an id is repeated, no image has
            a caption, or an image cannot be decoded.
    """
    files = _files(path, split)
    if not files:
        raise UserError(f"{path} has no Parquet file: give a folder with files of images and captions.")
    languages = _caption_columns(files)
    found = captions_in_columns(files, languages, IMAGE_ID, str(path))
    if not found.captions:
        raise UserError(f"{path}: no image has a caption: fill the columns {', '.join(languages)}.")
    found.images.check()
    return found


def _files(folder: Path, split: str) -> list[Path]:
    """The files of a split or, where no file is called so, all."""
    files = [path for path in sorted(folder.glob("*.parquet")) if path.is_file() and not path.name.startswith(".")]
    return [path for path in files if path.name.startswith(split)] or files


def _columns(file: Path) -> list[str]:
    names: list[str] = open_parquet(file).schema_arrow.names
    return names


def _caption_columns(files: Sequence[Path]) -> dict[str, str]:
    """The language of every column of captions, by the name of the column."""
    first = [name for name in _columns(files[0]) if name.startswith(PREFIX)]
    if not first:
        raise UserError(
            f"{files[0]} has no column of captions: call those {PREFIX}en and the like (it has "
            f"{', '.join(_columns(files[0]))})."
        )
    found: dict[str, str] = {}
    for column in first:
        try:
            language = language_code(column.removeprefix(PREFIX))
        except ValueError as error:
            raise UserError(f"{files[0]}, column {column}: {error}; rename the column.") from error
        if language in found.values():
            raise UserError(f"{files[0]} has two columns of captions in {language!r}: keep one.")
        found[column] = language
    for file in files[1:]:
        differing = sorted(set(first) ^ {name for name in _columns(file) if name.startswith(PREFIX)})
        if differing:
            raise UserError(f"{file} and {files[0].name} do not both have a column {differing[0]!r}: give it to both.")
    return found
