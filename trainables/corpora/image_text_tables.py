"""Images and captions in the Parquet files of the hub: a column per language, or a split per language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import IMAGE
from trainables.corpora.hub import HubFiles, hub_files
from trainables.corpora.image_text import Caption, ImageTexts
from trainables.corpora.images import ParquetImages
from trainables.corpora.languages import language_code
from trainables.corpora.retrieval.configs import split_paths
from trainables.corpora.retrieval.tables import Row, rows
from trainables.errors import UserError


@dataclass(frozen=True)
class CaptionSplits:
    """A data set with a split per language, `data/{language}-*.parquet`: an id, an image and its captions in each row.

    Where all splits hold the same images they are read from the first one, and only ids and captions of the others;
    else an image belongs to its split, and is of its language.
    """

    repository: str
    revision: str
    id_column: str
    caption_column: str
    images: Mapping[str, int]
    """How many images a split was published with; its names are the languages."""
    captions: Mapping[str, int]
    """How many captions that are more than white space."""
    same_images: bool

    def load(self, languages: Sequence[str], data_dir: Path | None) -> ImageTexts:
        """Loads images and captions, in the order of the codes of languages.

        Args:
            languages: of the captions; none: all.
            data_dir: the files are below it, as `hub_files` says; None: they are fetched.

        Raises:
            UserError: a file is missing or broken, a row or an image is none, the splits do not hold the same images,
                or there are other counts than the published ones.
        """
        files = hub_files(self.repository, self.revision, data_dir)
        splits = {language: self._split(files, language) for language in sorted(languages or self.images)}
        first = min(splits)
        with_images = {first: splits[first]} if self.same_images else splits
        number: dict[tuple[str, str], int] = {}
        for language, split in with_images.items():
            for row in split.rows:
                number[self._collection(language), row.image] = len(number)
        captions = []
        for language, split in splits.items():
            for row in split.rows:
                image = number.get((self._collection(language), row.image))
                if image is None:
                    raise UserError(
                        f"{row.where}: the image {row.image!r} is not among those of {first}: take all files from one "
                        "version of the data set."
                    )
                captions += [Caption(image, language_code(language), text) for text in row.captions]
        images = ParquetImages.of([path for split in with_images.values() for path in split.paths])
        images.check()
        return ImageTexts(
            [image for _, image in number], [language for language, _ in number], images, captions, files.origin
        )

    def _collection(self, language: str) -> str:
        """The language of the images of a split."""
        return IMAGE if self.same_images else language_code(language)

    def _split(self, files: HubFiles, language: str) -> "_Split":
        paths = split_paths(files, "default", language)
        if paths is None:
            raise UserError(
                f"{files.origin} has no split {language!r} (data/{language}-00000-of-00001.parquet): fetch the whole "
                "set."
            )
        found = []
        places: dict[str, str] = {}
        for row in (row for path in paths for row in rows(path, (self.id_column, self.caption_column))):
            image = row.id(self.id_column)
            _check_once(places, image, row)
            found.append(_Row(row.where, image, captions_of(row, self.caption_column)))
        check_count(files.origin, f"images in {language}", len(found), self.images[language])
        written = sum(len(row.captions) for row in found)
        check_count(files.origin, f"captions in {language}", written, self.captions[language])
        return _Split(paths, found)


@dataclass(frozen=True)
class _Row:
    where: str
    image: str
    captions: list[str]


@dataclass(frozen=True)
class _Split:
    paths: list[Path]
    rows: list[_Row]


def captions_in_columns(
    files: Sequence[Path], languages: Mapping[str, str], id_column: str | None, origin: str
) -> ImageTexts:
    """Reads files whose rows hold an image and its captions in all languages.

    Args:
        files: Parquet files with a column `image`.
        languages: of the columns of captions, by their names.
        id_column: of the images; None: they are called by their number, from 0.
        origin: as `Benchmark.origin`.

    Raises:
        UserError: a column is missing or of another type, or an id is repeated. Images are not decoded.
    """
    images = ParquetImages.of(files)
    ids: list[str] = []
    captions: list[Caption] = []
    places: dict[str, str] = {}
    columns = [*languages, *([] if id_column is None else [id_column])]
    for row in (row for path in files for row in rows(path, columns)):
        image_id = str(len(ids)) if id_column is None else row.id(id_column)
        _check_once(places, image_id, row)
        for column, language in languages.items():
            captions += [Caption(len(ids), language, text) for text in captions_of(row, column)]
        ids.append(image_id)
    return ImageTexts(ids, [IMAGE] * len(ids), images, captions, origin)


def captions_of(row: Row, column: str) -> list[str]:
    """The captions in a column of a row, those of white space only left out.

    Raises UserError for what is no text, list of texts, or null.
    """
    value = row.first(column)
    found = [] if value is None else value if isinstance(value, list) else [value]
    for text in found:
        if not isinstance(text, str):
            raise UserError(f"{row.where}: {column} is {value!r}: give a text, a list of texts, or null.")
    return [text for text in found if text.strip()]


def check_count(origin: str, what: str, found: int, published: int) -> None:
    """Raises UserError if a set has not as many images or captions as was published."""
    if found != published:
        raise UserError(
            f"{origin} has {found:,} {what}, and {published:,} were published: take the whole original files, so that "
            "results can be compared."
        )


def _check_once(places: dict[str, str], image_id: str, row: Row) -> None:
    if (other := places.setdefault(image_id, row.where)) != row.where:
        raise UserError(f"{row.where}: the image {image_id!r} is there already, at {other}: give it once.")
