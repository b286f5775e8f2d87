"""UTF-8 text files, plain or packed, whose defects are told by file and line."""

import bz2
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from trainables.errors import UserError, one_line
from trainables.plain_files import open_users_file

PACKINGS = (".gz", ".bz2", ".zst")
"""Suffixes of packed files."""

LONGEST_LINE = 64 << 20
"""Bytes of a line; a record of a hundred languages has a thousandth of it."""

_KINDS = (
    (b"\x1f\x8b", "is packed with gzip", "name it {name}.gz"),
    (b"BZh", "is packed with bzip2", "name it {name}.bz2"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd", "name it {name}.zst"),
    (b"PAR1", "is a Parquet file", "name it {stem}.parquet"),
    (b"PK\x03\x04", "is a zip archive or a spreadsheet", "unpack it, or save the table as CSV in UTF-8"),
    (b"\xff\xfe", "is UTF-16", "convert it to UTF-8"),
    (b"\xfe\xff", "is UTF-16", "convert it to UTF-8"),
)
"""How files begin that are taken for text, and the remedy."""

_LARGEST_RATIO = 200
_ALWAYS_UNPACKED = 16 << 20
"""Text packs to a fifth or a tenth of its size. What packs to much less, and is not small, is made to fill memory."""


def without_packing(path: Path) -> Path:
    """The path without a suffix that says how the file is packed.

    >>> str(without_packing(Path("a/train.en.gz")))
    'a/train.en'
    """
    return path.with_suffix("") if path.suffix in PACKINGS else path


def text_lines(path: Path, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line with its line end) of a UTF-8 file, unpacked if its name ends in `.gz`, `.bz2`
    or `.zst`.

    Raises UserError for a file that is missing, no plain file, cannot be read, is no whole packed file, is not UTF-8
    (and says of which other kind it is), unpacks to more than text does, or has a line of more than `longest` bytes.
    """
    number = 0
    try:
        with open_text(path) as stream:
            while raw := _line(path, stream, number, longest):
                number += 1
                # Spreadsheet programs put a byte order mark in front of UTF-8.
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        _check_kind(path)
        raise UserError(
            f"{path}:{number} is not UTF-8 (byte {error.start + 1} of the line is 0x{error.object[error.start]:02x}): "
            "convert the file to UTF-8."
        ) from error


def _check_kind(path: Path) -> None:
    """Raises UserError for a file that is not text, by its first bytes."""
    with open_users_file(path) as file:
        begin = file.read(4)
    for magic, what, remedy in _KINDS:
        if begin.startswith(magic) and path.suffix not in PACKINGS:
            raise UserError(f"{path} {what}, whatever its name says: {remedy.format(name=path.name, stem=path.stem)}.")


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to read its bytes, unpacked; defects that show while it is read are told as `text_lines` does."""
    packing = path.suffix[1:] if path.suffix in PACKINGS else ""
    try:
        with open_users_file(path) as file:
            if packing:
                _check_unpacked(path, file)
            with _unpacked(file, packing) as stream:
                yield stream
    except gzip.BadGzipFile as error:
        raise UserError(f"{path} is no gzip file: drop the suffix .gz or compress it.") from error
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path} is a broken {_kind(packing)} file ({one_line(error)}): copy it again.") from error
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}: check the path.") from error
    except OSError as error:
        if packing and error.errno is None:
            # What is wrong with the content has no number of the system.
            raise UserError(
                f"{path} is a broken {_kind(packing)} file, or none ({one_line(error)}): copy it again, or drop the "
                f"suffix .{packing}."
            ) from error
        raise UserError(f"{path} cannot be read ({error.strerror or error}): give a readable file.") from error


def read_text(path: Path, longest: int = LONGEST_LINE) -> str:
    """Returns the whole text of a UTF-8 file, plain or packed; raises UserError as `text_lines` does."""
    return "".join(line for _, line in text_lines(path, longest))


def _kind(packing: str) -> str:
    return {"gz": "gzip", "bz2": "bzip2", "zst": "zstd"}[packing]


def _line(path: Path, stream: BinaryIO, number: int, longest: int) -> bytes:
    raw = stream.readline(longest + 1)
    if len(raw) > longest:
        raise UserError(f"{path}:{number + 1} has more than {longest >> 20} MiB: write one record per line.")
    return raw


@contextmanager
def _unpacked(file: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    """The content of an open file, which stays open."""
    if packing == "gz":
        yield cast(BinaryIO, gzip.GzipFile(fileobj=file))
    elif packing == "bz2":
        yield cast(BinaryIO, bz2.BZ2File(file))
    elif packing == "zst":
        # Imported late: few files are packed so.
        import pyarrow as pa

        # A buffer of its own closes what it reads from, and the file may be read once more.
        source = pa.input_stream(pa.PythonFile(_KeptOpen(file), "r"), compression="zstd", buffer_size=0)
        yield cast(BinaryIO, io.BufferedReader(source))
    else:
        yield file


class _KeptOpen(io.RawIOBase):
    """A file that somebody else closes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def _check_unpacked(path: Path, file: BinaryIO) -> None:
    """Raises UserError for a file that unpacks to more than text does, before any line of it is looked at."""
    most = max(_ALWAYS_UNPACKED, _LARGEST_RATIO * os.fstat(file.fileno()).st_size)
    with _unpacked(file, path.suffix[1:]) as stream:
        size = 0
        while content := stream.read(1 << 20):
            size += len(content)
            if size > most:
                raise UserError(
                    f"{path} unpacks to more than {_LARGEST_RATIO} times its size, as no text does: give the text "
                    "itself."
                )
    file.seek(0)
