"""The report as one HTML file that needs no network."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from analysis.contents import Part, Report
from analysis.facts.options import encoder_text
from analysis.render.figure import Figure, vega
from analysis.render.html import html_table, template
from analysis.render.table import MOST_ROWS, Table
from analysis.wording import rough


@dataclass(frozen=True)
class PageTable:
    """A table in the page."""

    name: str
    title: str
    html: Markup
    rows: int
    notes: tuple[str, ...]
    folded: bool


@dataclass(frozen=True)
class PageFigure:
    """A figure in the page: its specification for Vega-Lite, an image for readers without scripts, and its data.

    `shown`: the table of the report that holds the data already; None if there is none.
    """

    figure: Figure
    specification: dict[str, Any]
    image: str
    data: PageTable
    shown: Table | None


@dataclass(frozen=True)
class PageSection:
    """A section with its tables and figures: first the numbers, then the pictures, then what is for looking up."""

    key: str
    title: str
    lead: str
    tables: tuple[PageTable, ...]
    figures: tuple[PageFigure, ...]
    long_tables: tuple[PageTable, ...]


def page(report: Report, made: datetime | None = None) -> str:
    """The page; `made` is the time that its footer names (default: now)."""
    headline, rest = _split(report.answer)
    sections = list(_sections(report))
    return template("page.html.j2").render(
        title=report.title,
        question=report.question,
        headline=_unbroken(headline),
        answer_rest=rest,
        first_lines=report.first_lines,
        picture=None if report.picture is None else _figure(report, report.picture),
        facts=_facts(report),
        sections=sections,
        methods=report.methods,
        references=report.references,
        made=(made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        # Our own files and Vega's, not user text; the page must hold them as they are.
        css=Markup(_own("style.css")),
        script=Markup(_own("page.js")),
        vega=Markup(vega()) if any(section.figures for section in sections) else "",
    )


def _split(answer: str) -> tuple[str, str]:
    """The first sentence for the headline, all others for the lines below."""
    claim, mark, rest = answer.partition(". ")
    return (f"{claim}.", rest) if mark else (answer, "")


def _unbroken(text: str) -> str:
    """The text with every interval on one line."""
    return re.sub(r"\[[^]]*\]", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = report.findings.facts
    if not facts.arms:
        return []
    seeds = sorted({len(of.seeds) for arm in facts.arms for of in (arm, arm.whole)})
    searches = max(arm.searches for arm in facts.arms)
    found = [
        *_detectable(report),
        ("Arms", str(len(facts.arms))),
        ("Seeds per arm", str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}\N{EN DASH}{seeds[-1]}"),
        *([("Searches", str(searches))] if searches > 1 else []),
        ("Search trials", f"{len(facts.search_runs()):,}"),
        ("Benchmarks", ", ".join(benchmark.name for benchmark in facts.benchmarks)),
    ]
    models = list(dict.fromkeys(encoder_text(arm.model) for arm in facts.arms))
    return [*found, ("Models" if len(models) > 1 else "Model", ", ".join(models))]


def _detectable(report: Report) -> list[tuple[str, str]]:
    """What could have been missed: of the comparison that the question is about, where there is one."""
    question = [judged for judged in report.findings.comparisons.main if judged.family == "question"]
    if len(question) != 1 or (found := question[0].comparison.detectable) is None:
        return []
    return [("Differences that would show", f"above {rough(found.size)}")]


def _sections(report: Report) -> Iterator[PageSection]:
    for part in report.parts:
        # The picture stands beside the answer.
        figures = tuple(_figure(report, figure) for figure in part.figures if figure is not report.picture)
        if part.tables or figures:
            yield PageSection(
                part.section.key,
                part.section.title,
                part.section.lead,
                _tables(part, long=False),
                figures,
                _tables(part, long=True),
            )


def _tables(part: Part, long: bool) -> tuple[PageTable, ...]:
    return tuple(_table(table, table.long) for table in part.tables if table.long == long)


def _table(table: Table, folded: bool) -> PageTable:
    notes = table.notes
    if len(table.rows) > MOST_ROWS:
        notes = (f"The first {MOST_ROWS:,} of {len(table.rows):,} rows; the files hold all.", *notes)
    return PageTable(table.name, table.title, Markup(html_table(table)), len(table.rows), notes, folded)


def _figure(report: Report, figure: Figure) -> PageFigure:
    return PageFigure(
        figure,
        figure.specification(),
        f"data:image/svg+xml,{quote(figure.svg, safe=_SAFE)}",
        _table(figure.data, folded=True),
        report.table(figure.data.name),
    )


_SAFE = " !$()*+,-./:;=@_~"
"""Characters that may stand as they are in an image that is part of its address."""


@cache
def _own(name: str) -> str:
    return files("analysis.render").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
