"""UTF-8 text files, plain or gzipped, whose defects are told by file and line."""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from trainables.errors import UserError
from trainables.plain_files import open_users_file

LONGEST_LINE = 64 << 20
"""Bytes of a line; a record of a hundred languages has a thousandth of it."""

_LARGEST_RATIO = 200
_ALWAYS_UNPACKED = 16 << 20
"""Text packs to a fifth or a tenth of its size. What packs to much less, and is not small, is made to fill memory."""


def text_lines(path: Path, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line with its line end) of a UTF-8 file, unpacked if its name ends in `.gz`.

    Raises UserError for a file that is missing, no plain file, cannot be read, is no whole gzip file, is not UTF-8,
    unpacks to more than text does, or has a line of more than `longest` bytes.
    """
    number = 0
    try:
        with open_users_file(path) as file:
            for number, raw in enumerate(_lines(path, file, longest), 1):
                # Spreadsheet programs put a byte order mark in front of UTF-8.
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}:{number} is not UTF-8 (byte {error.start + 1} of the line is 0x{error.object[error.start]:02x}): "
            "convert the file to UTF-8."
        ) from error
    except gzip.BadGzipFile as error:
        raise UserError(f"{path} is no gzip file: drop the suffix .gz or compress it.") from error
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path} is a broken gzip file, readable up to line {number}: copy it again.") from error
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}: check the path.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): give a readable file.") from error


def read_text(path: Path, longest: int = LONGEST_LINE) -> str:
    """Returns the whole text of a UTF-8 file (plain or `.gz`); raises UserError as `text_lines` does."""
    return "".join(line for _, line in text_lines(path, longest))


def _lines(path: Path, file: BinaryIO, longest: int) -> Iterator[bytes]:
    stream = file
    if path.suffix == ".gz":
        _check_unpacked(path, file)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file))
    number = 0
    while raw := stream.readline(longest + 1):
        number += 1
        if len(raw) > longest:
            raise UserError(f"{path}:{number} has more than {longest >> 20} MiB: write one record per line.")
        yield raw


def _check_unpacked(path: Path, file: BinaryIO) -> None:
    """Raises UserError for a file that unpacks to more than text does, before any line of it is looked at."""
    most = max(_ALWAYS_UNPACKED, _LARGEST_RATIO * os.fstat(file.fileno()).st_size)
    stream, size = gzip.GzipFile(fileobj=file), 0
    while content := stream.read(1 << 20):
        size += len(content)
        if size > most:
            raise UserError(
                f"{path} unpacks to more than {_LARGEST_RATIO} times its size, as no text does: give the text itself."
            )
    file.seek(0)
