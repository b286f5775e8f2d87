"""What a report says, before anything is rendered: first lines, answer, tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis import reference
from analysis.comparisons import Comparisons, compare_arms
from analysis.findings import Findings
from analysis.methods import answer, methods
from analysis.queries import Queries
from analysis.standing import standing
from analysis.table import Table
from analysis.tables import comparisons as comparison_tables
from analysis.tables import results, study
from study.records import open_study

DEFAULT_MARGIN = 0.005


@dataclass(frozen=True, eq=False)
class Section:
    """Tables that belong together under one heading."""

    key: str
    title: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that the renderers need."""

    title: str
    question: str
    first_lines: tuple[str, ...]
    answer: str
    methods: str
    findings: Findings
    comparisons: Comparisons
    queries: Queries
    sections: tuple[Section, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables that have rows."""
        return tuple(table for section in self.sections for table in section.tables if table.rows)

    def table(self, name: str) -> Table | None:
        """The table of this name, if it has rows."""
        return next((table for table in self.tables if table.name == name), None)


def build_report(locations: Sequence[str], margin: float = DEFAULT_MARGIN) -> Report:
    """Reads the studies and computes what the report says; raises UserError for what is no study or cannot be merged."""
    findings = Findings([open_study(location) for location in locations])
    queries = Queries(findings)
    compared = compare_arms(findings, queries, margin)
    sections = (
        Section("results", "Results", (results.results(findings, compared.tied),)),
        Section("comparisons", "Comparisons", (comparison_tables.comparisons(compared),)),
        Section("bias", "Language bias", tuple(results.bias(findings))),
        Section("languages", "Languages", (*results.per_language(findings), *results.language_pairs(findings))),
        Section("ratio", "Ratio", (study.ratio_trials(findings),)),
        Section("published", "Published results", (reference.beside_ours(findings),)),
        Section("cost", "Cost", (study.cost(findings), study.efficiency(findings))),
        Section("search", "Search", (study.arms(findings), study.search(findings))),
        Section("data", "Data", (study.data(findings), study.overlap(findings))),
        Section("details", "Details", (results.secondary(findings), study.settings(findings), study.failures(findings))),
    )
    return Report(
        title=findings.name,
        question=str(findings.info.get("question", "")),
        # Read last: damaged files come to light while the tables are made.
        first_lines=tuple(standing(findings)),
        answer=answer(findings, compared),
        methods=methods(findings, compared),
        findings=findings,
        comparisons=compared,
        queries=queries,
        sections=sections,
    )
