"""Language bias: how far apart equally relevant candidates are ranked for no other reason than their language."""

from collections.abc import Iterator

from analysis.facts.facts import Estimate, Place, estimate
from analysis.facts.measures import bias_metric
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, measure_kind, slug
from analysis.sections.section import Section
from analysis.wording import listed
from trainables.evaluation.measures.record import MeasureRecord


def bias(findings: Findings) -> Iterator[Table]:
    """Per benchmark: the measures of language bias, smaller is fairer."""
    facts, means = findings.facts, findings.means
    for benchmark in facts.benchmarks:
        measures = facts.bias_measures(benchmark)
        if not measures:
            continue
        columns = arm_columns(facts)
        columns += [
            Column(slug(one.name), one.label, measure_kind(one), lower_is_better=one.lower_is_better)
            for one in measures
        ]
        rows = []
        for arm in facts.arms:
            found = [
                # Where values per question are known, with the interval of the results.
                (one, means.at(arm, Place(benchmark.name, "multilingual", one)))
                if one in benchmark.bias
                else (one, estimate(arm.values(bias_metric(benchmark.name, one.name)).values(), one.unit))
                for one in measures
            ]
            rows.append([*arm_cells(facts, arm), *(_cell(one, e) for one, e in found)])
        alone = [one.label for one in measures if one in benchmark.bias]
        notes = [
            "Rank distance: rank of the last minus rank of the first parallel relevant candidate in the pool of all "
            "languages. Diagonal gap: mAP with a relevant candidate in the query's language minus mAP with one in "
            "another language.",
            *(
                [f"Of {listed(alone)}: {means.note} Of the others: {seeds_note(facts)}"]
                if alone
                else [seeds_note(facts)]
            ),
        ]
        name = f"bias_{slug(benchmark.name)}"
        yield make_table(name, f"Language bias on {benchmark.name}", columns, rows, notes)


def _cell(measure: MeasureRecord, found: Estimate | None) -> Cell:
    """A cell with an interval, unless the measure counts something or is the same in every run, as that of a pool."""
    is_estimate = found is not None and measure.unit != "count" and found.low != found.high
    return estimate_cell(found) if is_estimate or found is None else Cell(found.mean)


SECTION = Section(
    "bias",
    "Language bias",
    "How far apart equally relevant candidates are ranked for no other reason than their language.",
    tables=bias,
)
