"""The report as one HTML file that needs no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from analysis.contents import Report
from analysis.figures import Figure
from analysis.render.renderers import MOST_ROWS_IN_PAGE, html_table
from analysis.render.table import Table


@dataclass(frozen=True)
class Part:
    """A figure or a table in a section of the page."""

    title: str
    name: str = ""
    figure: Markup | None = None
    table: Markup | None = None
    rows: int = 0
    notes: tuple[str, ...] = ()
    folded: bool = False
    caption: str = ""


@dataclass(frozen=True)
class PageSection:
    """A section with its parts in reading order."""

    key: str
    title: str
    lead: str
    parts: tuple[Part, ...]


def page(report: Report, figures: Sequence[Figure], made: datetime | None = None) -> str:
    """The page; `made` is the time that its footer names (default: now)."""
    headline, rest = _split(report.answer)
    return (
        _environment()
        .from_string(_template("page.html.j2"))
        .render(
            title=report.title,
            question=report.question,
            headline=headline,
            answer_rest=rest,
            first_lines=report.first_lines,
            facts=_facts(report),
            sections=list(_sections(report, figures)),
            methods=report.methods,
            references=report.references,
            made=(made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
            # Our own files, not user text; the page must hold them as they are.
            css=Markup(_template("style.css")),
            script=Markup(_template("page.js") + _template("figures.js")),
        )
    )


def _split(answer: str) -> tuple[str, str]:
    """The claim for the headline, its numbers for the line below."""
    claim, mark, rest = answer.partition(": ")
    return (f"{claim}.", rest[:1].upper() + rest[1:]) if mark else (answer, "")


def _facts(report: Report) -> list[tuple[str, str]]:
    findings = report.findings
    if not findings.arms:
        return []
    seeds = sorted({len(arm.trials) for arm in findings.arms})
    facts = [
        ("Arms", str(len(findings.arms))),
        ("Seeds per arm", str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}\N{EN DASH}{seeds[-1]}"),
        ("Search trials", f"{len(findings.search_trials()):,}"),
        ("Benchmarks", ", ".join(benchmark.name for benchmark in findings.benchmarks)),
    ]
    models = list(dict.fromkeys(arm.model for arm in findings.arms))
    return [*facts, ("Models" if len(models) > 1 else "Model", ", ".join(models))]


def _sections(report: Report, figures: Sequence[Figure]) -> Iterator[PageSection]:
    for section in report.sections:
        tables = [table for table in section.tables if table.rows]
        drawn = [
            Part(f.title, f.name, figure=Markup(f.inline_svg()), caption=f.caption)
            for f in figures
            if f.section == section.key
        ]
        # The numbers first, then the pictures, then what is only for looking up.
        parts = [_table_part(t) for t in tables if not t.long] + drawn + [_table_part(t) for t in tables if t.long]
        if parts:
            yield PageSection(section.key, section.title, section.lead, tuple(parts))


def _table_part(table: Table) -> Part:
    notes = table.notes
    if len(table.rows) > MOST_ROWS_IN_PAGE:
        notes = (f"The first {MOST_ROWS_IN_PAGE:,} of {len(table.rows):,} rows; the files hold all.", *notes)
    return Part(table.title, table.name, None, Markup(html_table(table)), len(table.rows), notes, table.long)


@cache
def _environment() -> Environment:
    return Environment(autoescape=select_autoescape(default_for_string=True, default=True), undefined=StrictUndefined)


@cache
def _template(name: str) -> str:
    return files("analysis.render").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
