"""What a report says, before anything is rendered: first lines, answer, sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analysis.findings.findings import DEFAULT_MARGIN, Findings
from analysis.methods.paragraph import methods, references
from analysis.render.table import Table
from analysis.sections.comparisons import PICTURE
from analysis.sections.registry import SECTIONS
from analysis.sections.section import Section
from analysis.standing import standing

if TYPE_CHECKING:
    from analysis.render.figure import Figure


@dataclass(frozen=True, eq=False)
class Part:
    """A section of a report with the tables that have rows."""

    section: Section
    findings: Findings
    tables: tuple[Table, ...]

    @cached_property
    def figures(self) -> tuple["Figure", ...]:
        """Every figure that the records allow; made when somebody asks for them. One without rows has no size."""
        return tuple(figure for figure in self.section.figures(self.findings) if not figure.is_empty)


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that the renderers need."""

    title: str
    question: str
    answer: str
    methods: str
    references: str
    findings: Findings
    parts: tuple[Part, ...]

    @property
    def first_lines(self) -> tuple[str, ...]:
        """What a reader must know first; damaged files join as soon as something has tried to read them."""
        return tuple(standing(self.findings))

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables."""
        return tuple(table for part in self.parts for table in part.tables)

    @property
    def figures(self) -> tuple["Figure", ...]:
        """All figures."""
        return tuple(figure for part in self.parts for figure in part.figures)

    @property
    def picture(self) -> "Figure | None":
        """The answer as a figure."""
        return self.figure(PICTURE)

    def table(self, name: str) -> Table | None:
        """The table of this name, if it has rows."""
        return next((table for table in self.tables if table.name == name), None)

    def figure(self, name: str) -> "Figure | None":
        """The figure of this name, if the records allow it."""
        return next((figure for figure in self.figures if figure.name == name), None)


def build_report(locations: Sequence[str], margin: float = DEFAULT_MARGIN, watts: float | None = None) -> Report:
    """Reads the studies and computes what the report says.

    Args:
        locations: the folders of the studies.
        margin: the largest difference that counts as none.
        watts: average power of one worker, if known.

    Raises:
        UserError: a location is no study, or studies cannot be merged.
    """
    findings = Findings.of(locations, margin, watts)
    sections = tuple(SECTIONS.values())
    about_levels = findings.facts.first.info.about in ("survival", "change", "levels")
    answering = sorted(sections, key=lambda section: section.key != "factors") if about_levels else sections
    return Report(
        title=findings.facts.name,
        question=findings.facts.first.info.question,
        answer=" ".join(sentence for section in answering for sentence in section.sentences(findings)),
        methods=methods(findings),
        references=references(findings),
        findings=findings,
        parts=tuple(
            Part(section, findings, tuple(table for table in section.tables(findings) if table.rows))
            for section in sections
        ),
    )
