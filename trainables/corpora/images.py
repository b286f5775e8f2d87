"""Images of benchmarks: encoded files, read when they are asked for and never all held in memory."""

import hashlib
import io
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from trainables.errors import UserError, one_line
from trainables.plain_files import open_users_file

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 64_000_000
"""Encoders scale an image to a few hundred pixels a side; what unpacks to more than a large photograph is a mistake or
made to fill memory."""


class Images(Sequence[bytes]):
    """n encoded images; `images[i]` reads the i-th one. Raises UserError where it is not there any more."""

    @abstractmethod
    def place(self, index: int) -> str:
        """Where an image lies, for messages: its file and, in a table, its row from 1."""

    @abstractmethod
    def take(self, indices: Sequence[int]) -> Self:
        """The images at some places, in that order."""

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The bytes of the file of an image; `index` is at least 0."""

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @override
    def __getitem__(self, index: int | slice) -> "bytes | Self":
        places = range(len(self))[index]
        return self.read(places) if isinstance(places, int) else self.take(places)

    def digests(self) -> tuple[str, ...]:
        """Returns the sha256 of every image, by which results are known to be about the same ones."""
        return tuple(hashlib.sha256(content).hexdigest() for content in self)

    def check(self) -> None:
        """Raises UserError for the first image that is empty, cut off, no image, or unpacks to too much."""
        for index, content in enumerate(self):
            if (defect := _defect(content)) is not None:
                raise UserError(f"{self.place(index)}: the image {defect}: take the original file, or leave it out.")


@dataclass(frozen=True)
class HeldImages(Images):
    """Images in memory: few, and small."""

    contents: tuple[bytes, ...] = field(repr=False)
    origin: str
    """Where they are from, for messages."""

    @override
    def __len__(self) -> int:
        return len(self.contents)

    @override
    def place(self, index: int) -> str:
        return f"{self.origin}, image {index + 1}"

    @override
    def take(self, indices: Sequence[int]) -> Self:
        return replace(self, contents=tuple(self.contents[i] for i in indices))

    @override
    def read(self, index: int) -> bytes:
        return self.contents[index]


@dataclass(frozen=True)
class FileImages(Images):
    """Images that are a file each."""

    paths: tuple[Path, ...]

    @override
    def __len__(self) -> int:
        return len(self.paths)

    @override
    def place(self, index: int) -> str:
        return str(self.paths[index])

    @override
    def take(self, indices: Sequence[int]) -> Self:
        return replace(self, paths=tuple(self.paths[i] for i in indices))

    @override
    def read(self, index: int) -> bytes:
        try:
            with open_users_file(self.paths[index]) as file:
                return file.read()
        except OSError as error:
            raise UserError(
                f"The image {self.paths[index]} cannot be read ({error.strerror or error}): put it there."
            ) from error


@dataclass(frozen=True, eq=False)
class ParquetImages(Images):
    """Images in a column of Parquet files, in the form of the hub: a struct with the field `bytes`.

    A group of rows is read at a time, so that images in the order of the files are read once.
    """

    files: tuple[Path, ...]
    rows: npt.NDArray[np.int64]
    """[n], rows counted over all files, from 0."""
    column: str = "image"

    @classmethod
    def of(cls, files: Sequence[Path], column: str = "image") -> Self:
        """The images of all rows. Raises UserError for a file without such a column."""
        import pyarrow as pa

        rows = 0
        for path in files:
            parquet = open_parquet(path)
            schema = parquet.schema_arrow
            kind = schema.field(column).type if column in schema.names else None
            fields = {f.name: f.type for f in kind} if kind is not None and pa.types.is_struct(kind) else {}
            if not any(test(fields.get("bytes", pa.null())) for test in (pa.types.is_binary, pa.types.is_large_binary)):
                raise UserError(
                    f"{path}: the images must be a column {column!r} of structs with bytes and path, as data sets of "
                    f"the hub have it; this file has {kind if kind is not None else ', '.join(schema.names)}."
                )
            rows += parquet.metadata.num_rows
        return cls(tuple(files), np.arange(rows, dtype=np.int64), column)

    @override
    def __len__(self) -> int:
        return len(self.rows)

    @override
    def place(self, index: int) -> str:
        path, _, row = self._find(index)
        return f"{path}, row {row + 1}"

    @override
    def take(self, indices: Sequence[int]) -> Self:
        return replace(self, rows=self.rows[np.asarray(indices, dtype=np.int64)])

    @override
    def read(self, index: int) -> bytes:
        path, group, row = self._find(index)
        (number, first) = group
        found: bytes | None = _row_group(path, number, self.column)[row - first].as_py()
        if found is None:
            raise UserError(f"{path}, row {row + 1}: the image has no bytes: put them into the file, not beside it.")
        return found

    @cached_property
    def _groups(self) -> list[tuple[int, Path, int, int]]:
        """First row over all files, file, number of the group in it, and its first row there, of every group."""
        groups = []
        start = 0
        for path in self.files:
            metadata = open_parquet(path).metadata
            first = 0
            for number in range(metadata.num_row_groups):
                groups.append((start + first, path, number, first))
                first += metadata.row_group(number).num_rows
            start += first
        return groups

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.array([first for first, *_ in self._groups], dtype=np.int64)

    def _find(self, index: int) -> tuple[Path, tuple[int, int], int]:
        """The file of an image, its group of rows and the first row of that, and its row."""
        row = int(self.rows[index])
        start, path, number, first = self._groups[int(np.searchsorted(self._starts, row, side="right")) - 1]
        return path, (number, first), row - start + first


def open_parquet(path: Path) -> "pq.ParquetFile":
    """Opens a Parquet file. Raises UserError if there is none, or it is broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UserError(f"There is no file {path}: check the path.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is no whole Parquet file ({one_line(error)}): copy it again.") from error


@lru_cache(maxsize=1)
def _row_group(path: Path, number: int, column: str) -> "pa.ChunkedArray":
    """The bytes of the images of a group of rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        table = open_parquet(path).read_row_group(number, columns=[column])
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged ({one_line(error)}): copy it again.") from error
    return pc.struct_field(table.column(0), "bytes")


def decoded(content: bytes) -> "Image":
    """Returns an encoded image in red, green and blue. Raises whatever a decoder does unless it has been checked."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.convert("RGB")


def _defect(content: bytes) -> str | None:
    """What is wrong with an encoded image; None if it can be decoded."""
    # Imported late: only sets with images need it.
    from PIL import Image, UnidentifiedImageError

    if not content:
        return "is empty"
    try:
        with warnings.catch_warnings():
            # The limit below is the stricter one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    return f"unpacks to {width} x {height} pixels, and more than {MOST_PIXELS:,} are not read"
                # All parts of a PNG and their checksums; nothing of other formats.
                image.verify()
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                # A photograph is decoded at an eighth of its size, which finds missing parts as well and is faster.
                image.draft(image.mode, (1, 1))
                image.load()
    except UnidentifiedImageError:
        return f"is none of {', '.join(FORMATS)}"
    except Exception as error:  # Whatever a decoder stumbles over.
        return f"cannot be decoded ({one_line(error)})"
    return None
