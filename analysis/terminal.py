"""What `python -m analysis.report` prints."""

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from analysis.contents import Report
from analysis.renderers import TIED, heading
from analysis.table import Cell, Column, Table, format_cell, format_interval
from analysis.tables.comparisons import main_comparison
from analysis.tables.results import results


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
        results(report.findings, report.comparisons.tied, only=benchmark) for benchmark in report.findings.benchmarks
    ]
    tables.append(main_comparison(report.comparisons))
    shown = [table for table in tables if table.rows]
    for number, table in enumerate(shown, start=1):
        console.print()
        # The notes of the results are the same for every benchmark.
        last = number == len(shown) or shown[number].name != table.name
        print_table(table, console, notes=last)


def print_table(table: Table, console: Console, notes: bool = True) -> None:
    """Prints a table, its groups as the title, and its notes."""
    groups = list(dict.fromkeys(column.group for column in table.columns if column.group))
    title = f"{table.title}: {groups[0]}" if len(groups) == 1 else table.title
    console.print(Text(title, style="bold"))
    shown = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        label = f"{column.group}\n{heading(column)}" if len(groups) > 1 and column.group else heading(column)
        shown.add_column(
            Text(label),
            justify="right" if column.is_number else "left",
            vertical="bottom",
            no_wrap=column.is_number,
            overflow="fold",
        )
    for row in table.rows:
        shown.add_row(*(_text(column, cell) for column, cell in zip(table.columns, row, strict=True)))
    console.print(shown)
    for note in table.notes if notes else ():
        console.print(Text(note, style="dim"))


def _text(column: Column, cell: Cell) -> Text:
    text = Text(format_cell(cell, column.kind), style="bold" if cell.mark == "best" else "")
    if cell.mark == "tied":
        text.append(TIED)
    interval = format_interval(cell, column.kind)
    if interval:
        text.append(f" {interval}", style="dim")
    return text
