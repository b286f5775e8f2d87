"""Tables as Markdown."""

from tabulate import tabulate

from analysis.render.table import TIED, Cell, Column, Table, format_cell, format_interval, heading

_ACTIVE = str.maketrans({character: f"\\{character}" for character in "\\`*|<>_[]"} | {"\n": " "})


def markdown(table: Table) -> str:
    """A Markdown section: heading, table, notes."""
    lines = [f"### {escape(table.title)}", ""]
    if table.rows:
        lines.append(
            tabulate(
                [[_text(*of) for of in zip(table.columns, row, strict=True)] for row in table.rows],
                [
                    escape(f"{column.group}: {heading(column)}" if column.group else heading(column))
                    for column in table.columns
                ],
                tablefmt="pipe",
                colalign=["right" if column.is_number else "left" for column in table.columns],
                disable_numparse=True,
            )
        )
    else:
        lines.append("Nothing to show yet.")
    lines += [line for note in table.notes for line in ("", escape(note))]
    return "\n".join(lines) + "\n"


def _text(column: Column, cell: Cell) -> str:
    value = escape(format_cell(cell, column.kind))
    value = f"**{value}**" if cell.mark == "best" else value + (TIED if cell.mark == "tied" else "")
    # Beside a name it would pass for a part of it.
    remark = escape(cell.remark if column.is_number or not cell.remark else f"({cell.remark})")
    return " ".join(part for part in (value, format_interval(cell, column.kind), remark) if part)


def escape(text: str) -> str:
    """Plain text as Markdown source on one line; tabulate leaves this to its caller.

    >>> escape("learning_rate")
    'learning\\\\_rate'
    """
    return text.translate(_ACTIVE)
