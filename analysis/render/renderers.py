"""Tables as Markdown, CSV, LaTeX, HTML, JSON and Parquet: one function each, from `Table` to text or bytes."""

import csv
import html
import io
import json
from collections.abc import Callable, Iterable

from analysis.render.table import MINUS, Cell, Column, Table, format_cell, format_interval

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "]": "{]}",
    '"': r"\textquotedbl{}",
    MINUS: "$-$",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
    "\N{GREEK SMALL LETTER ALPHA}": r"$\alpha$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{DAGGER}": r"$\dagger$",
    "\n": " ",
}

MOST_ROWS_IN_PAGE = 1_000
COLUMNS_OF_A_WIDE_TABLE = 10

TIED = "\N{DAGGER}"


def latex_escape(text: str) -> str:
    """Plain text as LaTeX source."""
    return "".join(_LATEX.get(character, character) for character in text)


def heading(column: Column) -> str:
    """The label with its unit, and an arrow where lower is better."""
    label = f"{column.label} ({column.unit})" if column.unit else column.label
    return f"{label} \N{DOWNWARDS ARROW}" if column.lower_is_better else label


def markdown(table: Table) -> str:
    """A Markdown section: heading, table, notes."""

    def text(column: Column, cell: Cell) -> str:
        value = _markdown_escape(format_cell(cell, column.kind))
        value = f"**{value}**" if cell.mark == "best" else value + (TIED if cell.mark == "tied" else "")
        return " ".join(
            part for part in (value, format_interval(cell, column.kind), _markdown_escape(cell.remark)) if part
        )

    lines = [f"### {_markdown_escape(table.title)}", ""]
    if table.rows:
        labels = [
            _markdown_escape(f"{column.group}: {heading(column)}" if column.group else heading(column))
            for column in table.columns
        ]
        lines.append(f"| {' | '.join(labels)} |")
        lines.append(f"|{'|'.join('---:' if column.is_number else '---' for column in table.columns)}|")
        for row in table.rows:
            lines.append(f"| {' | '.join(text(c, cell) for c, cell in zip(table.columns, row, strict=True))} |")
    else:
        lines.append("Nothing to show yet.")
    lines += [line for note in table.notes for line in ("", _markdown_escape(note))]
    return "\n".join(lines) + "\n"


def _markdown_escape(text: str) -> str:
    for character in "\\`*|<>_[]":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")


def comma_separated(table: Table) -> str:
    """CSV with a heading line, full precision, empty for a missing value."""
    stream = io.StringIO()
    names = table.record_keys()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for record in table.records():
        writer.writerow({key: "" if value is None else value for key, value in record.items()})
    return stream.getvalue()


def as_json(table: Table) -> str:
    """JSON: title, columns, records at full precision, notes. Values that are not finite become null."""
    records = [{key: _finite(value) for key, value in record.items()} for record in table.records()]
    columns = [
        {"key": c.key, "label": c.label, "kind": c.kind, "unit": c.unit, "group": c.group} for c in table.columns
    ]
    content = {"title": table.title, "columns": columns, "rows": records, "notes": list(table.notes)}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def parquet(table: Table) -> bytes:
    """Parquet with typed columns; the title and the notes are in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = list(table.records())
    kinds = {column.key: column.kind for column in table.columns}
    arrays = {}
    for key in table.record_keys():
        values = [record[key] for record in records]
        if kinds.get(key) == "text" or key.endswith(("_mark", "_remark")):
            arrays[key] = pa.array([None if v is None else str(v) for v in values], pa.string())
        elif kinds.get(key) == "count" and all(v is None or float(v) == int(v) for v in values):
            arrays[key] = pa.array([None if v is None else int(v) for v in values], pa.int64())
        else:
            arrays[key] = pa.array([None if v is None else float(v) for v in values], pa.float64())
    metadata = {"title": table.title, "notes": json.dumps(list(table.notes), ensure_ascii=False)}
    stream = io.BytesIO()
    pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), stream)
    return stream.getvalue()


def latex(table: Table) -> str:
    """A booktabs table environment to `\\input`; needs the packages booktabs and graphicx."""

    def text(column: Column, cell: Cell) -> str:
        value = latex_escape(format_cell(cell, column.kind))
        value = rf"\textbf{{{value}}}" if cell.mark == "best" else value
        value += r"\textsuperscript{$\dagger$}" if cell.mark == "tied" else ""
        interval = latex_escape(format_interval(cell, column.kind))
        value += rf" {{\scriptsize {interval}}}" if interval else ""
        return f"{value} {latex_escape(cell.remark)}".rstrip()

    columns = "".join("r" if column.is_number else "l" for column in table.columns)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_escape(table.title)}}}",
        rf"\label{{tab:{table.name.replace('_', '-')}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
    ]
    if any(column.group for column in table.columns):
        lines.append(_latex_groups(table.columns))
    lines.append(" & ".join(latex_escape(heading(column)) for column in table.columns) + r" \\")
    lines.append(r"\midrule")
    lines += [
        " & ".join(text(c, cell) for c, cell in zip(table.columns, row, strict=True)) + r" \\" for row in table.rows
    ]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    lines += [rf"\par\smallskip\footnotesize {latex_escape(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_groups(columns: tuple[Column, ...]) -> str:
    cells, rules, start = [], [], 0
    for group, width in column_groups(columns):
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_escape(group)}}}" if group else " & ".join([""] * width))
        if group:
            rules.append(rf"\cmidrule(lr){{{start + 1}-{start + width}}}")
        start += width
    return " & ".join(cells) + r" \\" + "\n" + " ".join(rules)


def column_groups(columns: Iterable[Column]) -> list[tuple[str, int]]:
    """Neighbouring columns of one group as (group, number of columns)."""
    groups: list[tuple[str, int]] = []
    for column in columns:
        if groups and groups[-1][0] == column.group:
            groups[-1] = (column.group, groups[-1][1] + 1)
        else:
            groups.append((column.group, 1))
    return groups


def latex_document(tables: Iterable[Table]) -> str:
    """A complete document that inputs the tables from the same folder and compiles as it is."""
    inputs = "\n".join(rf"\input{{{table.name}.tex}}" for table in tables if table.rows)
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[margin=2cm]{geometry}",
            r"\usepackage{booktabs,graphicx}",
            r"\begin{document}",
            inputs,
            r"\end{document}",
            "",
        ]
    )


def html_table(table: Table) -> str:
    """An HTML table that the page's script can sort and filter; every text is escaped.

    A page must stay usable: of a very long table it shows the first rows only and says so.
    """

    def head(column: Column) -> str:
        label = html.escape(heading(column))
        kind = "number" if column.is_number else "text"
        return f'<th scope="col" class="{kind}" aria-sort="none"><button type="button">{label}</button></th>'

    def body(column: Column, cell: Cell, first: bool) -> str:
        value = f'<span class="value">{html.escape(format_cell(cell, column.kind))}</span>'
        if cell.mark == "best":
            value = f"<strong>{value}</strong>"
        if cell.mark == "tied":
            value += f'<abbr title="not separable from the best">{TIED}</abbr>'
        interval = format_interval(cell, column.kind)
        if interval:
            value += f' <span class="interval">{html.escape(interval)}</span>'
        if cell.remark:
            value += f' <span class="remark remark-{cell.remark.replace(" ", "-")}">{html.escape(cell.remark)}</span>'
        tag = 'th scope="row"' if first else "td"
        sort = "" if cell.value is None else html.escape(str(cell.value), quote=True)
        kind = "number" if column.is_number else "text"
        return f'<{tag} class="{kind}" data-sort="{sort}">{value}</{tag.split()[0]}>'

    wide = ' class="wide"' if len(table.columns) > COLUMNS_OF_A_WIDE_TABLE else ""
    parts = [f'<table id="table-{table.name}"{wide}>', f"<caption>{html.escape(table.title)}</caption>", "<thead>"]
    if any(column.group for column in table.columns):
        groups = "".join(
            f'<th scope="colgroup" colspan="{width}">{html.escape(group)}</th>'
            if group
            else f'<td colspan="{width}"></td>'
            for group, width in column_groups(table.columns)
        )
        parts.append(f'<tr class="groups">{groups}</tr>')
    parts.append(f"<tr>{''.join(head(column) for column in table.columns)}</tr></thead><tbody>")
    for row in table.rows[:MOST_ROWS_IN_PAGE]:
        cells = "".join(body(c, cell, i == 0) for i, (c, cell) in enumerate(zip(table.columns, row, strict=True)))
        parts.append(f"<tr>{cells}</tr>")
    return "\n".join([*parts, "</tbody></table>"])


WRITERS: dict[str, tuple[str, Callable[[Table], str | bytes]]] = {
    "csv": ("csv", comma_separated),
    "latex": ("tex", latex),
    "json": ("json", as_json),
    "parquet": ("parquet", parquet),
}
"""Per format that writes one file per table: the file's ending and the renderer."""
