"""Details: failed trials, where the spread of the numbers comes from, other metrics, settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Facts, Place, estimate
from analysis.facts.questions import Questions
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.findings.panels import key
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell
from analysis.sections.section import Section
from analysis.statistics.questions import QuestionTable, spread_of_languages
from trainables.evaluation.metric_name import MetricName

if TYPE_CHECKING:
    from analysis.statistics.panel import Components


def failures(facts: Facts) -> Table:
    """The trials that failed or diverged, with their errors."""
    columns = [
        Column("trial", "Trial"),
        Column("status", "Status"),
        Column("steps", "Steps", "count"),
        Column("error", "Error"),
        Column("log", "Log, in the study's folder"),
    ]
    failed = [run for run in facts.runs if run.status in ("failed", "diverged")]
    rows = [[r.id, r.status, r.steps, r.error, r.log] for r in failed]
    return make_table("failures", "Trials that failed", columns, rows)


def spread(findings: Findings) -> Table:
    """Shares of the variance of the mean, for the question's own differences and per arm."""
    facts, questions = findings.facts, findings.questions
    again = any(arm.searches > 1 for arm in facts.arms)
    columns = [
        Column("of", "Of"),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        *([Column("search", "From searches", "share")] if again else []),
        Column("seed", "From seeds", "share"),
        Column("question", "From questions", "share"),
        Column("seed_question", "From seed x question", "share"),
        Column("standard_error", "Standard error", "size"),
        Column("language", "Between languages", "size"),
        Column("seeds", "Searches" if again else "Seeds", "count"),
    ]
    rows = []
    for judged in findings.comparisons.main:
        first, second = judged.first.whole, judged.second.whole
        panel = findings.panels.of_question(judged.first, judged.second, judged.place)
        if panel is not None and panel.is_sample:
            weights = panel.weights({key(first): 1.0, key(second): -1.0})
            found = panel.components(weights)
            searches = [_of_searches(questions, [first, second], judged.place, found)] * again
            rows += _row(judged.label, judged.place, found, None, searches)
    for arm in without_repeats(facts.arms):
        for benchmark in facts.benchmarks:
            for setting in benchmark.summaries:
                place = Place(benchmark.name, setting, benchmark.measure)
                panel = findings.panels.of(arm, place)
                table = questions.table(arm, place)
                if panel is not None and table is not None and panel.is_sample:
                    # The mean of all settings has no mean of a language.
                    of_languages = table if setting in benchmark.settings else None
                    found = panel.components(panel.weights({key(arm): 1.0}))
                    searches = [_of_searches(questions, [arm], place, found)] * again
                    rows += _row(arm.label, place, found, of_languages, searches)
    notes = [
        "Shares of the variance of the mean for new seeds and new questions: variance between seeds / seeds, between "
        "questions / questions, of seed and question together / both. More seeds help against the first and the third, "
        "more questions against the second and the third. Between languages: standard deviation of the means of the "
        "query languages at hand, which are taken as given."
    ]
    if again:
        notes.append(
            "The search was repeated. From searches: what the means of the searches vary more than their seeds "
            "explain, divided by the searches; empty where a search has one seed, whose luck cannot be told from that "
            "of the search. It is then part of what comes from seeds."
        )
    return make_table("spread", "Where the spread comes from", columns, rows, notes, long=True)


def _of_searches(questions: Questions, arms: Sequence[Arm], place: Place, found: "Components") -> float | None:
    """The variance between searches of the sum or difference of arms, part of that between the units of the panel."""
    from analysis.statistics.variance import between_groups

    parts = [part for arm in arms for part in arm.of_cells]
    tables = [table for part in parts if (table := questions.by_seed(part, place)) is not None]
    shares = [
        between_groups(table.seed_means, [part.search_of(seed) for seed in table.seeds])
        for part, table in zip(parts, tables, strict=False)
    ]
    known = [share for share in shares if share is not None]
    if len(known) < len(parts):
        return None
    # The means of arms with parts are those over several cells.
    return min(sum(known) / (len(parts) / len(arms)) ** 2, found.seed)


def _row(
    name: str,
    place: Place,
    found: "Components",
    table: QuestionTable | None,
    searches: Sequence[float | None] = (),
) -> list[list[Any]]:
    """One row, in the variances that the intervals of the report use; `searches`: the part of searches, if any."""
    of_searches = [None if one is None else one / found.n_seeds for one in searches]
    variances = [
        *of_searches,
        found.seed / found.n_seeds - sum(one or 0.0 for one in of_searches),
        found.question / found.n_questions,
        found.rest / (found.n_seeds * found.n_questions),
    ]
    total = sum(variance or 0.0 for variance in variances)
    shares = [None if variance is None or total <= 0 else variance / total for variance in variances]
    between = None if table is None else spread_of_languages(table)
    return [[name, place.benchmark, place.setting, *shares, total**0.5, between, found.n_seeds]]


def secondary(facts: Facts) -> Table:
    """The other quality metrics (recall, micro averages) in long form: arm, benchmark, setting, metric, value."""
    columns = [
        *arm_columns(facts),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("value", "Mean", "score"),
    ]
    rows = []
    for benchmark in facts.benchmarks:
        for setting in benchmark.settings:
            for name in facts.metric_names:
                if (name.benchmark, name.setting, name.query_language) != (benchmark.name, setting, None):
                    continue
                for arm in facts.arms if name.measure != benchmark.measure.name or name.micro else ():
                    unit = facts.measure(name.measure).unit
                    cell = estimate_cell(estimate(arm.values(str(name)).values(), unit))
                    rows.append([*arm_cells(facts, arm), benchmark.name, setting, _measure(name), cell])
    return make_table("other_metrics", "Other quality metrics", columns, rows, [seeds_note(facts)], long=True)


def _measure(name: MetricName) -> str:
    """What the records call a measure, its mean included."""
    return str(name.of(None)).partition("/")[2]


def settings(facts: Facts) -> Table:
    """Settings, versions and hardware of each study."""
    columns = [Column("part", "Part"), Column("name", "Name")]
    columns += [Column(f"value_{i}" if i else "value", study.label) for i, study in enumerate(facts.studies)]
    parts: dict[tuple[str, str], list[str]] = {}
    for index, study in enumerate(facts.studies):
        for part, name, value in study.details:
            parts.setdefault((part, name), [""] * len(facts.studies))[index] = value
    rows = [[part, name, *values] for (part, name), values in parts.items()]
    return make_table("settings", "Settings, versions and hardware", columns, rows, long=True)


SECTION = Section(
    "details",
    "Details",
    "For looking things up.",
    tables=lambda findings: [
        failures(findings.facts),
        spread(findings),
        secondary(findings.facts),
        settings(findings.facts),
    ],
)
