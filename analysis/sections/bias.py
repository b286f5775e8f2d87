"""Language bias: how far apart equally relevant candidates are ranked for no other reason than their language."""

from collections.abc import Iterator

from analysis.facts.facts import Estimate, Facts, estimate
from analysis.facts.measures import bias_metric
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, measure_kind, slug
from analysis.sections.section import Section
from trainables.evaluation.measures.record import MeasureRecord


def bias(facts: Facts) -> Iterator[Table]:
    """Per benchmark: the measures of language bias, smaller is fairer."""
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
                (one, estimate(arm.values(bias_metric(benchmark.name, one.name)).values(), one.unit))
                for one in measures
            ]
            rows.append([*arm_cells(facts, arm), *(_cell(one, e) for one, e in found)])
        notes = [
            "Rank distance: rank of the last minus rank of the first parallel relevant candidate in the pool of all "
            "languages. Diagonal gap: mAP with a relevant candidate in the query's language minus mAP with one in "
            "another language.",
            seeds_note(facts),
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
    tables=lambda findings: bias(findings.facts),
)
