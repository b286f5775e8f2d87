"""The report in a terminal: standing, answer, and the tables that carry it, at 80 columns or more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from analysis.contents import Report
from analysis.render.table import (
    HALF_WIDTH_NOTE,
    LOWER,
    TIED,
    Cell,
    Column,
    Table,
    format_cell,
    format_half_width,
    format_interval,
    has_half_widths,
    heading,
    shortened,
)
from analysis.sections.comparisons import main_comparison
from analysis.sections.results import results

Layout = Literal["beside", "short", "below", "wrapped"]
"""Intervals beside their values; short: as a half-width or, where lopsided, below; below: all of them below, under
headings that break between words; wrapped: names break between words as well. What fits in none of them is printed in
parts: by benchmark, then some columns at a time."""

LAYOUTS: tuple[Layout, ...] = ("beside", "short", "below", "wrapped")
PROSE_WIDTH = 24
LONGEST_WORD = 13
GAP = 2


def print_report(report: Report, console: Console) -> None:
    """Prints where the study stands, the answer, the results per benchmark and the question's own comparison."""
    console.print(Text(report.title, style="bold"))
    if report.question:
        console.print(Text(report.question))
    for line in report.first_lines:
        console.print(Text(f"! {line}", style="yellow"))
    console.print()
    console.print(Text(report.answer, style="bold"))
    findings = report.findings
    tables = [results(findings, benchmark) for benchmark in findings.facts.benchmarks]
    tables.append(main_comparison(findings.comparisons))
    shown = [table for table in tables if table.rows]
    is_halved = False
    for number, table in enumerate(shown, start=1):
        console.print()
        # The notes of the results are the same for every benchmark.
        last = number == len(shown) or shown[number].name != table.name
        is_halved = print_table(table, console, notes=last, is_halved=is_halved) and not last


def print_table(table: Table, console: Console, notes: bool = True, is_halved: bool = False) -> bool:
    """Prints a table, its groups as the title, and its notes; numbers are never broken over lines nor left out.

    Returns whether it, or one before it (`is_halved`) whose notes are those of this one, has half-widths.
    """
    for part, layout in _parts(shortened(table), console.width):
        groups = _groups(part)
        title = f"{part.title}: {groups[0]}" if len(groups) == 1 else part.title
        console.print(Text(title, style="bold"))
        console.print(_rich_table(part, layout, len(groups) > 1))
        is_halved = is_halved or (layout != "beside" and has_half_widths(part))
    for note in (*table.notes, *[HALF_WIDTH_NOTE] * is_halved) if notes else ():
        console.print(Text(note, style="dim"))
    return is_halved


def _parts(table: Table, width: int) -> Iterator[tuple[Table, Layout]]:
    """The table in as few parts as fit a width, each with its layout."""
    several = len(_groups(table)) > 1
    keys = [column.key for column in table.columns]
    fitting = next((layout for layout in LAYOUTS[:-1] if _width(table, layout, several) <= width), None)
    if fitting is not None:
        yield table, fitting
    elif "benchmark" in keys:
        place = keys.index("benchmark")
        for name in dict.fromkeys(row[place].value for row in table.rows):
            rows = tuple(row for row in table.rows if row[place].value == name)
            yield from _parts(shortened(replace(table, rows=rows)), width)
    else:
        yield from ((part, "wrapped") for part in _by_columns(table, width))


def _by_columns(table: Table, width: int) -> Iterator[Table]:
    """The names of a table with as many of its other columns at a time as fit a width."""
    first = next((index for index, column in enumerate(table.columns) if column.is_number), 1)
    names, taken = list(range(first)), [first]
    for index in range(first + 1, len(table.columns)):
        if _least_width(_with_columns(table, [*names, *taken, index])) > width:
            yield _with_columns(table, [*names, *taken])
            taken = []
        taken.append(index)
    yield _with_columns(table, [*names, *taken])


def _with_columns(table: Table, places: Sequence[int]) -> Table:
    return replace(
        table,
        columns=tuple(table.columns[place] for place in places if place < len(table.columns)),
        rows=tuple(tuple(row[place] for place in places if place < len(row)) for row in table.rows),
    )


def _groups(table: Table) -> list[str]:
    return list(dict.fromkeys(column.group for column in table.columns if column.group))


def _least_width(table: Table) -> int:
    """Columns of the terminal that a wrapped table takes at least."""
    several = len(_groups(table)) > 1
    total = len(table.columns) - 1
    for index, column in enumerate(table.columns):
        label = _label(column, "wrapped", several)
        texts = [label, *(_text(table, index, row[index], "wrapped") for row in table.rows)]
        widest = max(cell_len(line) for text in texts for line in text.plain.split("\n"))
        named = max(_longest_word(table, index), max(map(cell_len, label.plain.split()), default=0))
        total += widest if column.is_number else PROSE_WIDTH if column.prose else named
    return total


def _width(table: Table, layout: Layout, with_groups: bool) -> int:
    """Columns of the terminal that the table takes without breaking a line; prose may always be broken."""
    total = GAP * (len(table.columns) - 1)
    for index, column in enumerate(table.columns):
        texts = [_label(column, layout, with_groups), *(_text(table, index, row[index], layout) for row in table.rows)]
        widest = max(cell_len(line) for text in texts for line in text.plain.split("\n"))
        total += min(widest, PROSE_WIDTH) if column.prose else widest
    return total


def _label(column: Column, layout: Layout, with_groups: bool) -> Text:
    label = heading(column)
    if column.is_number and layout in ("below", "wrapped"):
        # An arrow stays with the word before it.
        label = label.replace(" ", "\n").replace("-", "-\n").replace(f"\n{LOWER}", f" {LOWER}")
    return Text(f"{column.group}\n{label}" if with_groups and column.group else label)


def _rich_table(table: Table, layout: Layout, with_groups: bool) -> RichTable:
    shown = RichTable(
        box=None, header_style="dim", pad_edge=False, padding=(0, 1 if layout == "wrapped" else GAP, 0, 0)
    )
    for index, column in enumerate(table.columns):
        shown.add_column(
            _label(column, layout, with_groups),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number or not (column.prose or layout == "wrapped"),
            min_width=PROSE_WIDTH if column.prose else _longest_word(table, index),
            overflow="fold",
        )
    for row in table.rows:
        shown.add_row(*(_text(table, index, cell, layout) for index, cell in enumerate(row)))
    return shown


def _longest_word(table: Table, index: int) -> int:
    """What a text may be broken to; names that are one long word are broken inside it."""
    words = " ".join(format_cell(row[index], table.columns[index].kind) for row in table.rows).split()
    return min(max(map(cell_len, words), default=0), LONGEST_WORD)


def _text(table: Table, index: int, cell: Cell, layout: Layout) -> Text:
    column = table.columns[index]
    text = Text(format_cell(cell, column.kind), style="bold" if cell.mark == "best" else "")
    if any(row[index].mark == "tied" for row in table.rows):
        # A blank where others have the mark keeps the values below each other.
        text.append(TIED if cell.mark == "tied" else " ")
    interval = format_interval(cell, column.kind)
    if interval:
        half = format_half_width(cell, column.kind)
        if layout == "beside":
            text.append(f" {interval}", style="dim")
        elif layout == "short":
            text.append(f" {half}" if half else f"\n{interval}", style="dim")
        else:
            text.append(f"\n{half or interval}", style="dim")
    if cell.remark:
        # What is said of a name takes no width from the numbers.
        text.append(f" {cell.remark}" if column.is_number else f"\n{cell.remark}", style="dim")
    return text
