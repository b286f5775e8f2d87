"""Rows of the files in which retrieval sets are published: JSON lines, TSV without quoting, Parquet.

Files are read one row after the other; nothing but the row is kept.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainables.corpora.arrow_rows import parquet_rows
from trainables.corpora.text_files import text_lines
from trainables.errors import UserError, one_line

SUFFIXES = (".jsonl", ".jsonl.gz", ".tsv", ".tsv.gz", ".parquet")


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    where: str
    """Its place, for messages: `file:line` or `file, row n`."""
    fields: Mapping[str, Any]

    def first(self, *names: str) -> Any:
        """The value in the first of these columns that the row has; raises UserError if it has none of them."""
        for name in names:
            if name in self.fields:
                return self.fields[name]
        near = next((near for name in names for near in get_close_matches(name, self.fields, n=1)), None)
        remedy = f"is {near!r} meant? Rename it" if near else "name one so"
        raise UserError(
            f"{self.where}: there is no column {' or '.join(names)}: {remedy} (it has {', '.join(self.fields)})."
        )

    def id(self, *names: str) -> str:
        """The id in the first of these columns that the row has; raises UserError for none, or an empty one."""
        value = self.first(*names)
        # Tables often number their rows; True would pass for a number.
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{self.where}: the id is {value!r}: give a text that is not empty, or a whole number.")
        return value

    def text(self, name: str) -> str:
        """The text in a column, empty for null; raises UserError if there is no such column, or no text in it."""
        return self._text(name, self.first(name))

    def optional(self, name: str) -> str | None:
        """The text in a column; None if there is no such column, or null or nothing in it; raises UserError."""
        return self._text(name, self.fields.get(name)) or None

    def _text(self, name: str, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise UserError(f"{self.where}: the {name} is {value!r}, which is no text: give a text.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{self.where}: the {name} holds half a character: repair the text.") from error
        return value


def suffix_of(name: str) -> str | None:
    """The suffix that makes a file one of those that are read here; None for any other.

    >>> suffix_of("qrels/test.tsv"), suffix_of("corpus.jsonl.gz"), suffix_of("README.md")
    ('.tsv', '.jsonl.gz', None)
    """
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """Reads a table whose columns have names: JSON lines, TSV with a header, Parquet, as the suffix says.

    Args:
        path: the file.
        columns: those that are of use; others may be large and are not read where the format allows it.

    Raises:
        UserError: the file is missing or broken, or a row is none; names the line.
    """
    suffix = suffix_of(path.name)
    if suffix is None:
        raise UserError(f"{path} has no known suffix: name it {', '.join(SUFFIXES)}.")
    if suffix == ".parquet":
        # A file with none of them is shown with all its columns.
        found = parquet_rows(path, lambda names: [name for name in names if name in columns], "fetch or write it again")
        return (Row(where, fields) for where, fields in found)
    return _json_rows(path) if suffix.startswith(".jsonl") else _tsv_rows(path, columns)


def cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Reads a TSV file without header as (place, cells); quotes are characters like others; raises UserError."""
    for number, line in text_lines(path):
        if stripped := line.rstrip("\r\n"):
            yield f"{path}:{number}", stripped.split("\t")


def json_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reads JSON lines as (place, object); raises UserError."""
    for number, line in text_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{where} is not JSON ({error.msg}, column {error.colno}): write one object per line."
            ) from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} cannot be read ({one_line(error)}): write one plain object per line.") from error
        if not isinstance(value, dict):
            raise UserError(f"{where} is JSON but no object (a {type(value).__name__}): write one object per line.")
        yield where, value


def _json_rows(path: Path) -> Iterator[Row]:
    return (Row(where, value) for where, value in json_objects(path))


def _tsv_rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    header: list[str] | None = None
    for where, found in cells(path):
        if header is None:
            header = found
            if not set(header) & set(columns):
                raise UserError(
                    f"{where}: the first line must name the columns, separated by tabs, with names among "
                    f"{', '.join(columns)}; it is {' TAB '.join(header)!r}."
                )
        elif len(found) != len(header):
            raise UserError(
                f"{where} has {len(found)} cells and the header {len(header)} ({', '.join(header)}): give every column "
                "a cell, without tabs or line breaks in it."
            )
        else:
            yield Row(where, dict(zip(header, found, strict=True)))
