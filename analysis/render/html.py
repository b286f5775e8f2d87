"""Tables as HTML, by a Jinja template that escapes every text.

pandas and great-tables render HTML too, but neither gives header cells their scope, cells their value for sorting, nor
a button in the heading, without which the page's tables could not be read aloud and sorted.
"""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from analysis.render.table import MOST_ROWS, TIED, Cell, Column, Table, format_cell, format_interval, heading

if TYPE_CHECKING:
    from jinja2 import Template

COLUMNS_OF_A_WIDE_TABLE = 10


def html_table(table: Table) -> str:
    """An HTML table that the page's script can sort and filter.

    A page must stay usable: of a very long table it holds the first `MOST_ROWS` rows only.
    """
    return template("table.html.j2").render(
        table=table,
        rows=table.rows[:MOST_ROWS],
        groups=column_groups(table.columns) if any(column.group for column in table.columns) else [],
        wide=len(table.columns) > COLUMNS_OF_A_WIDE_TABLE,
        tied=TIED,
        zip=zip,
        heading=heading,
        format_cell=format_cell,
        format_interval=format_interval,
        sort_key=_sort_key,
    )


def _sort_key(cell: Cell) -> str:
    """What a number is sorted by in the page; empty where it is missing."""
    return "" if cell.value is None else f"{cell.value:.6g}" if isinstance(cell.value, float) else str(cell.value)


@cache
def template(name: str) -> "Template":
    """A template of this folder; texts that it is given are escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("analysis.render", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(name)


def column_groups(columns: Iterable[Column]) -> list[tuple[str, int]]:
    """Neighbouring columns of one group as (group, number of columns)."""
    groups: list[tuple[str, int]] = []
    for column in columns:
        if groups and groups[-1][0] == column.group:
            groups[-1] = (column.group, groups[-1][1] + 1)
        else:
            groups.append((column.group, 1))
    return groups
