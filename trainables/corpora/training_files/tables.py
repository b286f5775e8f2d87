"""CSV and TSV files.

CSV is quoted (RFC 4180). TSV is written in two ways: spreadsheets and pandas quote a cell that holds a tab, a quote or
a line break; MS MARCO and most corpora quote nothing, and a quote is a character as any other. Which of both a file is,
its lines tell: in one without quoting every line has the cells of the first one, and a cell that begins with a quote
need not be a quoted one. What is neither is refused, so that no two rows are ever read as one.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainables.corpora.text_files import text_lines, without_packing
from trainables.corpora.training_files.records import LONGEST_TEXT, Record
from trainables.errors import UserError

# The default of 131,072 characters is less than a long document has.
csv.field_size_limit(LONGEST_TEXT + 1)

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_NEEDS_QUOTES = re.compile(r'"|\r')


def table_records(path: Path, delimiter: str, header: Sequence[str] = ()) -> Iterator[Record]:
    """Yields the rows of a table; an empty cell means that there is no text.

    Args:
        path: of the file.
        delimiter: a comma or a tab.
        header: names of the columns where the first line is a row; else the first line names them.

    Raises:
        UserError: a row has more or fewer cells than the header, or a cell is quoted wrongly or too long.
    """
    plain = delimiter == "\t" and _is_unquoted(path)
    rows = _plain_rows(path) if plain else _quoted_rows(path, delimiter)
    names = list(header)
    for where, cells in rows:
        if not names:
            names = _header(where, cells)
            continue
        if len(cells) != len(names):
            what = "layout" if header else "header"
            raise UserError(
                f"{where} has {len(cells)} cells and the {what} {len(names)}: give every column a cell"
                + (
                    ", and leave tabs out of texts."
                    if plain
                    else ", and quote texts that hold a delimiter or a line break."
                )
            )
        yield Record(where, {name: cell or None for name, cell in zip(names, cells, strict=True)})


def first_cells(path: Path) -> tuple[str, list[str]] | None:
    """The place and the cells of the first line, or None; raises UserError."""
    delimiter = "," if without_packing(path).suffix == ".csv" else "\t"
    plain = delimiter == "\t" and _is_unquoted(path)
    return next(_plain_rows(path) if plain else _quoted_rows(path, delimiter), None)


def _header(where: str, names: list[str]) -> list[str]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{where}: the column {twice} is repeated in {', '.join(names)}: correct the first line.")
    return names


def _is_unquoted(path: Path) -> bool:
    """Whether quotes in a TSV file are characters as any other."""
    width, looks_quoted, shown_quoting = 0, True, False
    for number, line in text_lines(path):
        cells = line.rstrip("\r\n").split("\t")
        if cells == [""]:
            continue
        width = width or len(cells)
        if len(cells) != width:
            return False
        for cell in cells:
            if cell.startswith('"'):
                looks_quoted = looks_quoted and _QUOTED.fullmatch(cell) is not None
                # Who quotes does so with a reason, or everywhere, the header included.
                shown_quoting = shown_quoting or number == 1 or _NEEDS_QUOTES.search(cell[1:-1]) is not None
    if not looks_quoted:
        return not _has_lines_in_cells(path, width)
    return not shown_quoting


def _has_lines_in_cells(path: Path, width: int) -> bool:
    """Whether a TSV file whose every line has `width` cells has quoted cells of several lines nevertheless.

    In a file without quoting, what stands between the quotes of two rows holds all the tabs from one row to another:
    `width` - 1 of them at least, or the row would get another number of cells.
    """
    found = False
    try:
        for cells in csv.reader((line for _, line in text_lines(path)), delimiter="\t", strict=True):
            if cells and len(cells) != width:
                return False
            found = found or any("\n" in cell and cell.count("\t") < width - 1 for cell in cells)
    except csv.Error:
        return False
    return found


def _plain_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    for number, line in text_lines(path):
        cells = line.rstrip("\r\n").split("\t")
        if cells != [""]:
            if any(len(cell) > LONGEST_TEXT for cell in cells):
                raise _too_long(f"{path}:{number}")
            yield f"{path}:{number}", cells


def _quoted_rows(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    # `strict` makes a stray quote an error, where the default would drop it silently.
    rows = csv.reader((line for _, line in text_lines(path)), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in rows:
            where, start = f"{path}:{start}", rows.line_num + 1
            if delimiter == "\t" and any("\n" in cell and cell.count("\t") >= len(cells) - 1 > 0 for cell in cells):
                raise UserError(
                    f"{where} has a cell that goes over several rows, from one quote to another: quote texts that hold "
                    "quotes and double those, or give every line as many cells as the first one and quote nothing."
                )
            if cells:
                yield where, cells
    except csv.Error as error:
        if "field limit" in str(error):
            raise _too_long(f"{path}:{start}") from error
        raise UserError(
            f"{path}:{start} is no row of a table ({error}): quote texts that hold quotes and double those, "
            "or write JSON lines."
        ) from error


def _too_long(where: str) -> UserError:
    return UserError(f"{where} has a cell of more than {LONGEST_TEXT:,} characters: cut its text.")
