"""The report in a terminal: standing, answer, and the tables that carry it, at 80 columns or more."""

from dataclasses import replace
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from analysis.contents import Report
from analysis.render.table import (
    TIED,
    Cell,
    Column,
    Table,
    format_cell,
    format_half_width,
    format_interval,
    heading,
)
from analysis.sections.comparisons import main_comparison
from analysis.sections.results import results

Layout = Literal["beside", "short", "wrapped"]
"""Intervals beside their values; short: as a half-width or, where lopsided, below; wrapped: words may wrap as well."""

LAYOUTS: tuple[Layout, ...] = ("beside", "short", "wrapped")
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
    for number, table in enumerate(shown, start=1):
        console.print()
        # The notes of the results are the same for every benchmark.
        last = number == len(shown) or shown[number].name != table.name
        print_table(table, console, notes=last)


def print_table(table: Table, console: Console, notes: bool = True) -> None:
    """Prints a table, its groups as the title, and its notes; numbers and verdicts are never broken over lines."""
    table = _shortened(table)
    groups = list(dict.fromkeys(column.group for column in table.columns if column.group))
    title = f"{table.title}: {groups[0]}" if len(groups) == 1 else table.title
    console.print(Text(title, style="bold"))
    fitting = (layout for layout in LAYOUTS if _width(table, layout, len(groups) > 1) <= console.width)
    console.print(_rich_table(table, next(fitting, LAYOUTS[-1]), len(groups) > 1))
    for note in table.notes if notes else ():
        console.print(Text(note, style="dim"))


def _width(table: Table, layout: Layout, with_groups: bool) -> int:
    """Columns of the terminal that the table takes without breaking a line; prose may always be broken."""
    total = GAP * (len(table.columns) - 1)
    for index, column in enumerate(table.columns):
        texts = [_label(column, with_groups), *(_text(table, index, row[index], layout) for row in table.rows)]
        widest = max(cell_len(line) for text in texts for line in text.plain.split("\n"))
        total += min(widest, PROSE_WIDTH) if column.prose else widest
    return total


def _label(column: Column, with_groups: bool) -> Text:
    return Text(f"{column.group}\n{heading(column)}" if with_groups and column.group else heading(column))


def _rich_table(table: Table, layout: Layout, with_groups: bool) -> RichTable:
    shown = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, GAP, 0, 0))
    for index, column in enumerate(table.columns):
        shown.add_column(
            _label(column, with_groups),
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
        else:
            text.append(f" {half}" if half else f"\n{interval}", style="dim")
    if cell.remark:
        text.append(f" {cell.remark}", style="dim")
    return text


def _shortened(table: Table) -> Table:
    """The table without the columns that say the same in every row: its title says it then."""
    nouns = {"seeds": "seed", "runs": "run"}
    for index in reversed(range(len(table.columns))):
        key, found = table.columns[index].key, {row[index].value for row in table.rows}
        if key not in ("benchmark", *nouns) or len(found) != 1:
            continue
        (value,) = found
        said = f"{value} {nouns[key]}{'' if value == 1 else 's'}" if key in nouns else value
        table = replace(
            table,
            title=f"{table.title}, {said}",
            columns=table.columns[:index] + table.columns[index + 1 :],
            rows=tuple(row[:index] + row[index + 1 :] for row in table.rows),
        )
    return table
