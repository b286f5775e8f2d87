"""UTF-8 text files, plain or gzipped, whose defects are told by file and line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from trainables.errors import UserError


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line with its line end) of a UTF-8 file, unpacked if its name ends in `.gz`.

    Raises UserError for a file that is missing, cannot be read, is no whole gzip file or is not UTF-8.
    """
    number = 0
    try:
        with _opened(path) as stream:
            for number, raw in enumerate(stream, 1):
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


def read_text(path: Path) -> str:
    """Returns the whole text of a UTF-8 file (plain or `.gz`); raises UserError."""
    return "".join(line for _, line in text_lines(path))


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
