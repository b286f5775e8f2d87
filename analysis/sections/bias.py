"""Language bias: what the language of a candidate does to its rank, for no other reason."""

from collections.abc import Iterator

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate, Place, estimate
from analysis.facts.measures import bias_metric
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, measure_kind, slug
from analysis.sections.section import Section
from analysis.wording import listed
from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import MetricName, MetricSetting

_COMPLETE = "complete@10"


def bias(findings: Findings) -> Iterator[Table]:
    """Per benchmark: the measures of language bias, smaller is fairer, and what stands first."""
    for benchmark in findings.facts.benchmarks:
        measures = findings.facts.bias_measures(benchmark)
        distances = [one for one in measures if one.unit != "share"]
        if distances:
            explained = (
                "Rank distance: rank of the last minus rank of the first parallel relevant candidate in the pool of "
                "all languages. Diagonal gap: mAP with a relevant candidate in the query's language minus mAP with "
                "one in another."
            )
            metrics = {bias_metric(benchmark.name, one.name): one for one in distances}
            title = f"Language bias on {benchmark.name}"
            yield _table(findings, benchmark, f"bias_{slug(benchmark.name)}", title, metrics, [explained])
        shares = {bias_metric(benchmark.name, one.name): one for one in measures if one.unit == "share"}
        if shares:
            yield _preference(findings, benchmark, shares)


def _preference(findings: Findings, benchmark: Benchmark, shares: dict[str, MeasureRecord]) -> Table:
    """Both sides of a preference for one's own language: a service, and a way to miss the answer."""
    facts = findings.facts
    complete = str(MetricName(benchmark.name, "multilingual", _COMPLETE))
    if complete in facts.metrics:
        shares = {**shares, complete: facts.measure(complete)}
    notes = [
        "In the pool of all languages. The four shares of the first hit add up to 1. English share: of the first ten, "
        "for queries in other languages. Complete: every translation of the answer is among the first ten.",
        _harm(MetricName.parse(facts.objective.metric).setting),
    ]
    name, title = f"preference_{slug(benchmark.name)}", f"What stands first on {benchmark.name}"
    return _table(findings, benchmark, name, title, shares, notes)


def _harm(setting: MetricSetting | None) -> str:
    """Whose loss the shares of the first hit show, by the setting of the objective."""
    if setting == "monolingual":
        return (
            "The question of this study is monolingual. Its reader wants the own language: a first hit in another one, "
            "right or wrong, is the harm."
        )
    asks = {"overall": "counts all settings", "bias": "is language bias"}.get(str(setting), f"is {setting}")
    return (
        f"The question of this study {asks}. Its reader takes an answer in any language: a wrong first hit in the own "
        "one, preferred to a right one elsewhere, is the harm."
    )


def _table(
    findings: Findings,
    benchmark: Benchmark,
    name: str,
    title: str,
    metrics: dict[str, MeasureRecord],
    explained: list[str],
) -> Table:
    """One row per arm, one column per metric."""
    facts, means = findings.facts, findings.means
    columns = arm_columns(facts)
    columns += [
        Column(slug(one.name), one.label, measure_kind(one), lower_is_better=one.lower_is_better)
        for one in metrics.values()
    ]

    def found(arm: Arm, metric: str, measure: MeasureRecord) -> Estimate | None:
        # Where values per question are known, with the interval of the results.
        if measure in benchmark.bias:
            return means.at(arm, Place(benchmark.name, "multilingual", measure))
        return estimate(arm.values(metric).values(), measure.unit)

    rows = [
        [*arm_cells(facts, arm), *(_cell(one, found(arm, metric, one)) for metric, one in metrics.items())]
        for arm in facts.arms
    ]
    alone = [one.label for one in metrics.values() if one in benchmark.bias]
    of_seeds = seeds_note(facts)
    notes = [*explained, f"Of {listed(alone)}: {means.note} Of the others: {of_seeds}" if alone else of_seeds]
    return make_table(name, title, columns, rows, notes)


def _cell(measure: MeasureRecord, found: Estimate | None) -> Cell:
    """A cell with an interval, unless the measure counts something or is the same in every run, as that of a pool."""
    is_estimate = found is not None and measure.unit != "count" and found.low != found.high
    return estimate_cell(found) if is_estimate or found is None else Cell(found.mean)


SECTION = Section(
    "bias",
    "Language bias",
    "How far apart equally relevant candidates are ranked for no other reason than their language, and which language "
    "stands first.",
    tables=bias,
)
