"""The report in a terminal: standing, answer, and the tables that carry it, at 80 columns or more."""

from dataclasses import replace
from typing import Literal

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from analysis.contents import Report
from analysis.renderers import TIED, heading
from analysis.table import Cell, Column, Table, format_cell, format_half_width, format_interval
from analysis.tables.comparisons import main_comparison
from analysis.tables.results import results

Layout = Literal["beside", "short", "wrapped"]
"""Intervals beside their values; short: as a half-width or, where lopsided, below; wrapped: words may wrap as well."""

LAYOUTS: tuple[Layout, ...] = ("beside", "short", "wrapped")
PROSE_WIDTH = 24


def print_report(report: Report, console: Console) -> None:
    """Prints where the study stands, the answer, the results per benchmark and the question's own comparison."""
    console.print(Text(report.title, style="bold"))
    if report.question:
        console.print(Text(report.question))
    for line in report.first_lines:
        console.print(Text(f"! {line}", style="yellow"))
    console.print()
    console.print(Text(report.answer, style="bold"))
    tables = [
        _without_equal_seeds(results(report.findings, report.comparisons.tied, benchmark, report.means))
        for benchmark in report.findings.benchmarks
    ]
    tables.append(main_comparison(report.comparisons))
    shown = [table for table in tables if table.rows]
    for number, table in enumerate(shown, start=1):
        console.print()
        # The notes of the results are the same for every benchmark.
        last = number == len(shown) or shown[number].name != table.name
        print_table(table, console, notes=last)


def print_table(table: Table, console: Console, notes: bool = True) -> None:
    """Prints a table, its groups as the title, and its notes; numbers and verdicts are never broken over lines."""
    groups = list(dict.fromkeys(column.group for column in table.columns if column.group))
    title = f"{table.title}: {groups[0]}" if len(groups) == 1 else table.title
    console.print(Text(title, style="bold"))
    for layout in LAYOUTS:
        shown = _rich_table(table, layout, len(groups) > 1)
        if Measurement.get(console, console.options, shown).minimum <= console.width:
            break
    console.print(shown)
    for note in table.notes if notes else ():
        console.print(Text(note, style="dim"))


def _rich_table(table: Table, layout: Layout, with_groups: bool) -> RichTable:
    shown = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True)
    for column in table.columns:
        label = f"{column.group}\n{heading(column)}" if with_groups and column.group else heading(column)
        shown.add_column(
            Text(label),
            justify="right" if column.is_number else "left",
            vertical="bottom",
            no_wrap=column.is_number or not (column.prose or layout == "wrapped"),
            min_width=PROSE_WIDTH if column.prose else None,
            overflow="fold",
        )
    for row in table.rows:
        shown.add_row(*(_text(column, cell, layout) for column, cell in zip(table.columns, row, strict=True)))
    return shown


def _text(column: Column, cell: Cell, layout: Layout) -> Text:
    text = Text(format_cell(cell, column.kind), style="bold" if cell.mark == "best" else "")
    if cell.mark == "tied":
        text.append(TIED)
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


def _without_equal_seeds(table: Table) -> Table:
    """The results without the column of seeds where it says the same in every row: the title says it then."""
    place = next(index for index, column in enumerate(table.columns) if column.key == "seeds")
    counts = {row[place].value for row in table.rows}
    if len(counts) != 1:
        return table
    (count,) = counts

    return replace(
        table,
        title=f"{table.title}, {count} seed{'' if count == 1 else 's'}",
        columns=table.columns[:place] + table.columns[place + 1 :],
        rows=tuple(row[:place] + row[place + 1 :] for row in table.rows),
    )
