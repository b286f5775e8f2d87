"""One model of a table, and how its values are written; the renderers turn it into files."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from trainables.inert import inert

Kind = Literal["text", "score", "difference", "size", "rank", "ranks", "number", "count", "seconds", "share", "p"]
"""What a column holds; decides how a value is written and how it is aligned. `difference` and `ranks` carry a sign (of
scores and of rank distances); `size` and `rank` are the same without one."""

Mark = Literal["", "best", "tied"]
"""`best`: the best value of its column. `tied`: not separable from the best."""

Scalar = str | int | float | bool | None

LEAST_SYMMETRY = 0.75
"""Shorter side of an interval by its longer one, from which it may be written with one number."""

HALF_WIDTH_NOTE = (
    "\N{PLUS-MINUS SIGN}: the longer side of an interval whose sides differ by a quarter at most; any other is "
    "written out."
)

MOST_ROWS = 1_000
"""Rows of a table that people are shown; files for programs hold all."""

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
TIED = "\N{DAGGER}"
LOWER = "\N{DOWNWARDS ARROW}"
"""Where lower is better."""


@dataclass(frozen=True)
class Cell:
    """A value, with an interval where there is one (`low` and `high` are both given or both None).

    `kind` overrides the kind of the column; `remark` is a word that stands beside the value.
    """

    value: Scalar
    low: float | None = None
    high: float | None = None
    mark: Mark = ""
    kind: Kind | None = None
    remark: str = ""


@dataclass(frozen=True)
class Column:
    """A column: `key` names it in files, `label` to people, `group` is a heading over neighbouring columns.

    `prose`: whole sentences, which may wrap.
    """

    key: str
    label: str
    kind: Kind = "text"
    unit: str = ""
    group: str = ""
    lower_is_better: bool = False
    prose: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, so that the column is aligned and sorted as such."""
        return self.kind != "text"


@dataclass(frozen=True)
class Table:
    """A table: `name` is its file name, `rows` hold one cell per column, `notes` stand below it.

    A `long` table is for looking things up: whole in the files, folded in the page, left out of the Markdown.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())
    long: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of table {self.name} has {len(row)} cells for {len(self.columns)} columns")

    def has_intervals(self, index: int) -> bool:
        """Whether any cell of the column at `index` has an interval."""
        return any(row[index].low is not None for row in self.rows)

    def has_marks(self, index: int) -> bool:
        """Whether any cell of the column at `index` is marked."""
        return any(row[index].mark for row in self.rows)

    def has_remarks(self, index: int) -> bool:
        """Whether any cell of the column at `index` has a remark."""
        return any(row[index].remark for row in self.rows)

    def record_keys(self) -> list[str]:
        """The keys of `records`, in order."""
        keys: list[str] = []
        for index, column in enumerate(self.columns):
            keys.append(column.key)
            keys += [f"{column.key}_low", f"{column.key}_high"] * self.has_intervals(index)
            keys += [f"{column.key}_mark"] * self.has_marks(index)
            keys += [f"{column.key}_remark"] * self.has_remarks(index)
        return keys

    def records(self) -> Iterator[dict[str, Scalar]]:
        """The rows as plain values at full precision; an interval becomes `<key>_low` and `<key>_high`."""
        places = range(len(self.columns))
        intervals, marks, remarks = (
            {index for index in places if has(index)} for has in (self.has_intervals, self.has_marks, self.has_remarks)
        )
        for row in self.rows:
            record: dict[str, Scalar] = {}
            for index, (column, cell) in enumerate(zip(self.columns, row, strict=True)):
                record[column.key] = cell.value
                if index in intervals:
                    record[f"{column.key}_low"] = cell.low
                    record[f"{column.key}_high"] = cell.high
                if index in marks:
                    record[f"{column.key}_mark"] = cell.mark
                if index in remarks:
                    record[f"{column.key}_remark"] = cell.remark
            yield record


def make_table(
    name: str,
    title: str,
    columns: list[Column],
    rows: list[list[Any]],
    notes: list[str] | None = None,
    *,
    long: bool = False,
) -> Table:
    """A table from rows of cells or plain values; its texts steer nothing where they are shown."""
    plain = ([inert(value) if isinstance(value, str) else value for value in row] for row in rows)
    cells = tuple(tuple(value if isinstance(value, Cell) else Cell(value) for value in row) for row in plain)
    return Table(name, title, tuple(columns), cells, tuple(notes or ()), long)


def shortened(table: Table) -> Table:
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


def heading(column: Column) -> str:
    """The label with its unit, and an arrow where lower is better."""
    label = f"{column.label} ({column.unit})" if column.unit else column.label
    return f"{label} {LOWER}" if column.lower_is_better else label


def format_cell(cell: Cell, kind: Kind) -> str:
    """The value as people read it, without its interval and remark."""
    return format_value(cell.value, cell.kind or kind)


def format_interval(cell: Cell, kind: Kind) -> str:
    """The interval as people read it, empty if there is none."""
    if cell.low is None or cell.high is None:
        return ""
    return f"[{format_value(cell.low, cell.kind or kind)}, {format_value(cell.high, cell.kind or kind)}]"


def format_half_width(cell: Cell, kind: Kind) -> str:
    """The interval as ± its longer side; empty if there is none, if the sides differ by more than a quarter, or if that
    would seem to hold a zero that the interval leaves out, as it is written.
    """
    if cell.low is None or cell.high is None or not isinstance(cell.value, int | float):
        return ""
    sides = sorted((cell.value - cell.low, cell.high - cell.value))
    size, half = (format_value(one, cell.kind or kind).lstrip("+") for one in (abs(cell.value), sides[1]))
    seems_to_hold_zero = abs(cell.value) <= sides[1] or size == half
    if sides[0] < LEAST_SYMMETRY * sides[1] or ((cell.low > 0 or cell.high < 0) and seems_to_hold_zero):
        return ""
    return f"\N{PLUS-MINUS SIGN}{half}"


def has_half_widths(table: Table) -> bool:
    """Whether an interval of the table may be written with one number."""
    return any(
        format_half_width(cell, column.kind)
        for row in table.rows
        for column, cell in zip(table.columns, row, strict=True)
    )


def format_value(value: Scalar, kind: Kind) -> str:
    """A value as people read it: scores as .798, differences as +.0056, counts as 13,014."""
    if value is None or (isinstance(value, float) and value != value):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    match kind:
        case "score":
            text = _without_leading_zero(f"{value:.3f}")
        case "difference":
            text = _without_leading_zero(f"{value:+.4f}")
        case "size":
            text = _without_leading_zero(f"{value:.4f}")
        case "rank":
            text = f"{value:,.1f}"
        case "ranks":
            text = f"{value:+,.1f}"
        case "count":
            text = f"{value:,.0f}"
        case "share":
            text = f"{100 * value:.1f} %"
        case "seconds":
            text = f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
        case "p":
            text = "<.001" if value < 0.001 else _without_leading_zero(f"{value:.3f}")
        case _:
            text = str(value) if isinstance(value, int) else _short(value)
    # What rounds to zero has no sign.
    if text.startswith("-") and not text.strip("-.0 %"):
        text = text[1:]
    return text.replace("-", MINUS)


def _short(value: float) -> str:
    """Four significant digits, in powers of ten only where zeros would hide them."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _without_leading_zero(text: str) -> str:
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text
