"""What `python -m analysis.report` prints."""

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from analysis.contents import Report
from analysis.renderers import TIED, heading
from analysis.table import Cell, Column, Table, format_cell, format_interval


def print_report(report: Report, console: Console) -> None:
    """Prints where the study stands, the answer, the results and the comparisons."""
    console.print(Text(report.title, style="bold"))
    if report.question:
        console.print(Text(report.question))
    for line in report.first_lines:
        console.print(Text(f"! {line}", style="yellow"))
    console.print()
    console.print(Text(report.answer, style="bold"))
    for name in ("results", "comparisons"):
        table = report.table(name)
        if table is not None:
            console.print()
            print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Prints a table with its notes."""
    shown = RichTable(title=Text(table.title, style="bold"), title_justify="left", box=None, header_style="dim", pad_edge=False)
    for column in table.columns:
        label = f"{column.group}\n{heading(column)}" if column.group else heading(column)
        shown.add_column(Text(label), justify="right" if column.is_number else "left", vertical="bottom")
    for row in table.rows:
        shown.add_row(*(_text(column, cell) for column, cell in zip(table.columns, row, strict=True)))
    console.print(shown)
    for note in table.notes:
        console.print(Text(note, style="dim"))


def _text(column: Column, cell: Cell) -> Text:
    text = Text(format_cell(cell, column.kind), style="bold" if cell.mark == "best" else "")
    if cell.mark == "tied":
        text.append(TIED)
    interval = format_interval(cell, column.kind)
    if interval:
        text.append(f" {interval}", style="dim")
    return text
