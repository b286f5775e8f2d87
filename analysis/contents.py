"""What a report says, before anything is rendered: first lines, answer, tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis import reference
from analysis.comparisons import Comparisons, compare_arms
from analysis.findings import Findings
from analysis.means import Means
from analysis.methods import answer, methods, references
from analysis.queries import Queries
from analysis.render.table import Table
from analysis.standing import standing
from analysis.tables import comparisons as comparison_tables
from analysis.tables import pareto, published, results, setup, sizes, spread, study
from study.records import open_study

DEFAULT_MARGIN = 0.005


@dataclass(frozen=True, eq=False)
class Section:
    """Tables that belong together under one heading; `lead` says in a line or two what they show."""

    key: str
    title: str
    lead: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that the renderers need."""

    title: str
    question: str
    answer: str
    methods: str
    references: str
    findings: Findings
    comparisons: Comparisons
    queries: Queries
    means: Means
    sections: tuple[Section, ...]

    @property
    def first_lines(self) -> tuple[str, ...]:
        """What a reader must know first; damaged files join as soon as something has tried to read them."""
        return tuple(standing(self.findings, self.queries.problems))

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables that have rows."""
        return tuple(table for section in self.sections for table in section.tables if table.rows)

    def table(self, name: str) -> Table | None:
        """The table of this name, if it has rows."""
        return next((table for table in self.tables if table.name == name), None)


def build_report(locations: Sequence[str], margin: float = DEFAULT_MARGIN, watts: float | None = None) -> Report:
    """Reads the studies and computes what the report says.

    `margin`: the largest difference that counts as none. `watts`: average power of one worker, if known. Raises
    UserError for what is no study or cannot be merged.
    """
    findings = Findings([open_study(location) for location in locations])
    queries = Queries(findings)
    compared = compare_arms(findings, queries, margin)
    means = Means(findings, queries)
    sections = tuple(Section(*parts) for parts in _sections(findings, queries, compared, means, watts))
    return Report(
        title=findings.name,
        question=str(findings.info.get("question", "")),
        answer=answer(findings, compared),
        methods=methods(findings, compared, means),
        references=references(findings, compared),
        findings=findings,
        comparisons=compared,
        queries=queries,
        means=means,
        sections=sections,
    )


def _sections(
    findings: Findings, queries: Queries, compared: Comparisons, means: Means, watts: float | None
) -> list[tuple[str, str, str, tuple[Table, ...]]]:
    """The order of the report: the answer's evidence first, then what explains it, then the details."""
    return [
        (
            "results",
            "Results",
            "How well each arm retrieves, by benchmark and setting. Higher is better.",
            (results.results(findings, compared.tied, means=means),),
        ),
        (
            "comparisons",
            "Comparisons",
            "Which differences would hold for new seeds and new questions.",
            (comparison_tables.verdicts(compared), comparison_tables.comparisons(compared)),
        ),
        (
            "pareto",
            "Several objectives",
            "The trials that no other one beats in all objectives at once.",
            (pareto.pareto_front(findings), pareto.hypervolumes(findings)),
        ),
        (
            "sizes",
            "Size",
            "Whether the differences between the arms grow or shrink with size.",
            (sizes.gains(findings),),
        ),
        (
            "ratio",
            "Ratio",
            "What a constant share of monolingual batches does, and where the dynamic arms stand beside it.",
            (study.ratio_trials(findings),),
        ),
        (
            "bias",
            "Language bias",
            "How far apart equally relevant candidates are ranked for no other reason than their language.",
            tuple(results.bias(findings)),
        ),
        (
            "languages",
            "Languages",
            "The same results by query language, and by pair of query and pool language.",
            (*results.per_language(findings), *results.language_pairs(findings)),
        ),
        (
            "published",
            "Published results",
            "Our numbers beside those in print, where benchmark and setting agree.",
            (
                reference.beside_ours(findings),
                published.differences(findings, compared),
                published.means(findings, means),
            ),
        ),
        (
            "cost",
            "Cost",
            "What one trial of each arm takes.",
            (study.cost(findings, watts), study.efficiency(findings)),
        ),
        (
            "search",
            "Search and training",
            "What the arms are, how their parameters were chosen, and how training went.",
            (study.arms(findings), study.search(findings)),
        ),
        ("data", "Data", "What was trained and judged on.", (setup.data(findings), setup.overlap(findings))),
        (
            "details",
            "Details",
            "For looking things up.",
            (
                setup.failures(findings),
                spread.spread(findings, queries, compared),
                results.secondary(findings),
                setup.settings(findings),
            ),
        ),
    ]
