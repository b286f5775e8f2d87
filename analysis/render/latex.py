"""Tables as LaTeX for papers, with the packages array, booktabs, graphicx, longtable, lscape and amssymb.

The source is ASCII, so that it compiles with every engine: pylatexenc writes what LaTeX has a command for, and other
characters become their code points. Tables that do not fit on a page break over pages, lying down if they are wide.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from analysis.render.table import (
    HALF_WIDTH_NOTE,
    MINUS,
    MOST_ROWS,
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

if TYPE_CHECKING:
    import pandas as pd
    from pylatexenc.latexencode import UnicodeToLatexEncoder

MAIN_TABLE = "main_table"
"""What a paper shows, beside the tables of the report."""

ROWS_OF_A_PAGE = 40
"""A longer table breaks over pages."""
LONGEST_TEXT = 300
"""A longer text is cut: no row may be higher than a page."""
WIDEST_COLUMN = 28
"""Characters of a text column that need not wrap."""
TEXT_WIDTH, TEXT_HEIGHT = 17.0, 25.7
"""In centimetres, on paper of A4 with margins of 2 cm."""

# Widths of a character in centimetres on average, from the largest size to the smallest.
_SIZES = {"normalsize": 0.178, "small": 0.16, "footnotesize": 0.142, "scriptsize": 0.125, "tiny": 0.09}
_BETWEEN = 0.42
"""Centimetres between two columns."""

# The characters for which the commands that pylatexenc knows need no further package (tested one by one).
_LATIN = (*range(0x20, 0x149), *range(0x14A, 0x180))
_GREEK = range(0x391, 0x3CA)
_PUNCTUATION = (*range(0x2012, 0x203B), *range(0x2070, 0x20A0), 0x20AC)
_ARROWS = (*range(0x2190, 0x219C), *range(0x21A0, 0x21C5))
_OPERATORS = (*range(0x2200, 0x221F), *range(0x2220, 0x222C), *range(0x2260, 0x2277))
_OWN = {
    # After a line break a bracket would be read as its argument.
    ord("["): "{[}",
    ord("]"): "{]}",
    ord('"'): r"\textquotedbl{}",
    ord(MINUS): "$-$",
    ord("\N{GREEK SMALL LETTER ALPHA}"): r"$\alpha$",
}
_CONTROL = dict.fromkeys((*range(32), 127), "") | {ord("\n"): " ", ord("\t"): " "}


def latex_escape(text: str) -> str:
    """Plain text as LaTeX source in ASCII.

    >>> print(latex_escape("50 % of α"))
    50 \\% of $\\alpha$
    """
    escaped: str = _encoder().unicode_to_latex(text)
    return escaped


@cache
def _encoder() -> "UnicodeToLatexEncoder":
    from pylatexenc import latexencode as library

    known = library.get_builtin_uni2latex_dict()
    usable = (*_LATIN, *_GREEK, *_PUNCTUATION, *_ARROWS, *_OPERATORS)
    commands = {code: known[code] for code in usable if code in known} | _OWN | _CONTROL
    rule = library.UnicodeToLatexConversionRule(library.RULE_DICT, commands)
    return library.UnicodeToLatexEncoder(
        conversion_rules=[rule], unknown_char_policy="unihex", unknown_char_warning=False
    )


def latex(table: Table, *, is_short: bool = False) -> str:
    """A table to `\\input`: one that floats, or one that breaks over pages if it has many rows.

    is_short: intervals are half-widths, but for those that are lopsided.
    """
    import pandas as pd

    is_long = len(table.rows) > ROWS_OF_A_PAGE
    rows = [
        [
            _text(column, cell, "" if is_long else r"\scriptsize ", is_short)
            for column, cell in zip(table.columns, row, strict=True)
        ]
        for row in table.rows[:MOST_ROWS]
    ]
    content = pd.DataFrame(rows, columns=_headings(table.columns), dtype=object)
    style = content.style.hide(axis="index")

    def tabular(environment: str | None = None, caption: str | None = None, label: str | None = None) -> str:
        return style.to_latex(
            hrules=True,
            multicol_align="c",
            column_format="".join(_formats(table)),
            environment=environment,
            caption=caption,
            label=label,
        ).rstrip()

    title, label = latex_escape(table.title), f"tab:{table.name.replace('_', '-')}"
    notes = [rf"\par\smallskip\footnotesize {latex_escape(note)}" for note in _notes(table)]
    if is_long:
        body = tabular(environment="longtable", caption=title, label=label)
        size, upright = _size(table)
        lines = [body, *notes, r"\par"] if upright else [r"\begin{landscape}", body, *notes, r"\end{landscape}"]
        return "\n".join(["{" + rf"\{size}", *lines, "}", ""])
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering",
            rf"\caption{{{title}}}",
            rf"\label{{{label}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            tabular() + "}",
            *notes,
            r"\end{table}",
            "",
        ]
    )


def latex_document(names: Iterable[str]) -> str:
    """A complete document that inputs the tables of these names from the same folder."""
    inputs = [rf"\input{{{name}.tex}}" for name in names]
    return "\n".join(
        [
            r"\documentclass[a4paper]{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage[margin=2cm]{geometry}",
            r"\usepackage{array,booktabs,graphicx,longtable,lscape,amssymb}",
            r"\begin{document}",
            # Floats that wait for a place of their own are too many for LaTeX: a page break lets them out.
            *(line for place in inputs for line in (place, r"\clearpage")),
            r"\end{document}",
            "",
        ]
    )


def main_table(results: Table) -> str:
    """The results at the size of a paper's table: what is the same in every row stands in the caption."""
    notes = (*results.notes, *[HALF_WIDTH_NOTE] * has_half_widths(results))
    return latex(replace(shortened(results), name=MAIN_TABLE, notes=notes), is_short=True)


def _text(column: Column, cell: Cell, smaller: str, is_short: bool) -> str:
    value = format_cell(cell, column.kind)
    value = latex_escape(value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}\N{HORIZONTAL ELLIPSIS}")
    value = rf"\textbf{{{value}}}" if cell.mark == "best" else value
    value += r"\textsuperscript{$\dagger$}" if cell.mark == "tied" else ""
    interval = format_half_width(cell, column.kind) if is_short else ""
    for beside in (interval or format_interval(cell, column.kind), cell.remark):
        value += rf" {{{smaller}{latex_escape(beside)}}}" if beside else ""
    return value


def _headings(columns: tuple[Column, ...]) -> "pd.Index[str]":
    import pandas as pd

    labels = [latex_escape(heading(column)) for column in columns]
    groups = [latex_escape(column.group) for column in columns]
    return pd.MultiIndex.from_arrays([groups, labels]) if any(groups) else pd.Index(labels)


def _formats(table: Table) -> list[str]:
    """The alignment of each column; texts that are long wrap in a paragraph."""
    formats = []
    for column, (width, wraps) in zip(table.columns, _widths(table), strict=True):
        if column.is_number:
            formats.append("r")
        elif wraps:
            formats.append(rf">{{\raggedright\arraybackslash}}p{{{min(7.0, 3.0 + width / 50):.1f}cm}}")
        else:
            formats.append("l")
    return formats


def _widths(table: Table) -> list[tuple[int, bool]]:
    """Characters of the longest text of each column, and whether it wraps: it is long, and none of its words is."""
    widths = []
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows[:MOST_ROWS]]
        texts = [f"{format_cell(c, column.kind)} {format_interval(c, column.kind)} {c.remark}".strip() for c in cells]
        width = max(map(len, (heading(column), *texts)))
        word = max((len(word) for text in texts for word in text.split()), default=0)
        widths.append((width, width > WIDEST_COLUMN >= word and not column.is_number))
    return widths


def _size(table: Table) -> tuple[str, bool]:
    """The size of type at which the table is no wider than the page, and whether it stands upright.

    Type that is too small to read is used for nothing but tables that are too wide even when they lie down.
    """
    characters = sum(WIDEST_COLUMN if wraps else width for width, wraps in _widths(table))
    gaps = _BETWEEN * len(table.columns)
    *readable, smallest = _SIZES
    for room, upright in ((TEXT_WIDTH, True), (TEXT_HEIGHT, False)):
        for name in readable:
            if _SIZES[name] * characters + gaps <= room:
                return name, upright
    return smallest, False


def _notes(table: Table) -> tuple[str, ...]:
    if len(table.rows) <= MOST_ROWS:
        return table.notes
    return (f"The first {MOST_ROWS:,} of {len(table.rows):,} rows; the other files hold all.", *table.notes)
