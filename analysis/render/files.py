"""The files of a report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from analysis.contents import Report
from analysis.render.data import as_json, comma_separated, parquet
from analysis.render.latex import MAIN_TABLE, latex, latex_document, main_table
from analysis.render.markdown import escape, markdown
from analysis.render.table import Table
from trainables.errors import UserError
from trainables.storage import Folder

TABLE_FORMATS: Mapping[str, tuple[str, Callable[[Table], str | bytes]]] = {
    "csv": ("csv", comma_separated),
    "latex": ("tex", latex),
    "json": ("json", as_json),
    "parquet": ("parquet", parquet),
}
"""Per format that has one file per table: the file's ending and the renderer."""

FORMATS = ("markdown", *TABLE_FORMATS, "figures", "html")


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats that a comma-separated list names; raises UserError for an unknown one."""
    if text == "all":
        return FORMATS
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UserError(f"--format knows no {', '.join(unknown) or 'empty list'}: choose from {', '.join(FORMATS)}.")
    return names


def write_report(report: Report, output: Folder, formats: tuple[str, ...] = FORMATS) -> list[str]:
    """Writes the files of a report into `output`; returns what was written, as short names.

    Raises:
        UserError: `output` is no place to write.
    """
    written = []
    with _writing(output):
        if "markdown" in formats:
            _write(output, "report.md", report_markdown(report))
            written.append("report.md")
        written += write_tables(report.tables, output / "tables", formats)
        if "latex" in formats:
            names = [table.name for table in report.tables]
            if (found := report.table("results")) is not None:
                _write(output / "tables", f"{MAIN_TABLE}.tex", main_table(found))
                names = [MAIN_TABLE, *names]
            _write(output / "tables", "all_tables.tex", latex_document(names))
        if "figures" in formats and report.figures:
            for figure in report.figures:
                _write(output / "figures", f"{figure.name}.svg", figure.svg)
                _write(output / "figures", f"{figure.name}.pdf", figure.pdf())
            written.append("figures/*.svg, *.pdf")
        if "html" in formats:
            from analysis.render.page import page

            _write(output, "report.html", page(report))
            written.append("report.html")
    return written


def write_tables(tables: Iterable[Table], output: Folder, formats: Iterable[str]) -> list[str]:
    """Writes every table in every format that has one file per table; returns the patterns of their names.

    Raises:
        UserError: `output` is no place to write.
    """
    kinds = [TABLE_FORMATS[name] for name in TABLE_FORMATS if name in formats]
    with _writing(output):
        for table in tables:
            for ending, render in kinds:
                _write(output, f"{table.name}.{ending}", render(table))
    return [f"{output.name}/*.{ending}" for ending, _ in kinds]


def write_text(output: Folder, name: str, text: str) -> None:
    """Writes one file. Raises UserError if `output` is no place to write."""
    with _writing(output):
        _write(output, name, text)


def report_markdown(report: Report) -> str:
    """The whole report as one Markdown text."""
    lines = [f"# {escape(report.title)}", ""]
    if report.question:
        lines += [escape(report.question), ""]
    lines += [f"> {escape(line)}\n" for line in report.first_lines]
    lines += [f"**{escape(report.answer)}**", ""]
    for part in report.parts:
        if part.tables:
            lines += [f"## {part.section.title}", "", *(markdown(table) for table in part.tables if not table.long)]
            long = [f"{escape(table.title)} (`tables/{table.name}.csv`)" for table in part.tables if table.long]
            lines += [f"In files of their own: {', '.join(long)}.", ""] if long else []
    lines += ["## Methods", "", escape(report.methods), "", "```bibtex", report.references.rstrip(), "```", ""]
    return "\n".join(lines)


@contextmanager
def _writing(output: Folder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Nothing can be written to {output.location} ({error.strerror or error}): name a folder with --output "
            "that can be made or written to."
        ) from error


def _write(folder: Folder, name: str, content: str | bytes) -> None:
    """Writes a file whole or not at all, so that a reader of a running study never sees half a page."""
    folder.write_bytes(name, content if isinstance(content, bytes) else content.encode())
