"""Language bias: how far apart equally relevant candidates are ranked for no other reason than their language."""

from collections.abc import Iterator

from analysis.facts.facts import Facts, estimate
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, slug
from analysis.sections.section import Section


def bias(facts: Facts) -> Iterator[Table]:
    """Per benchmark: the measures of language bias, smaller is fairer."""
    for benchmark in facts.benchmarks:
        measures = facts.bias_measures(benchmark)
        if not measures:
            continue
        columns = arm_columns(facts)
        columns += [
            Column(slug(one.name), one.short or one.label, one.unit, lower_is_better=one.lower_is_better)
            for one in measures
        ]
        rows = []
        for arm in facts.arms:
            found = [(one, estimate(arm.values(benchmark.bias(one.name)).values())) for one in measures]
            cells = [Cell(e.mean) if e is not None and not one.is_estimate else estimate_cell(e) for one, e in found]
            rows.append([*arm_cells(facts, arm), *cells])
        notes = [
            "Rank distance: rank of the last minus rank of the first parallel relevant candidate in the pool of all "
            "languages. Diagonal gap: mAP with a relevant candidate in the query's language minus mAP with one in "
            "another language.",
            seeds_note(facts),
        ]
        name = f"bias_{slug(benchmark.name)}"
        yield make_table(name, f"Language bias on {benchmark.name}", columns, rows, notes)


SECTION = Section(
    "bias",
    "Language bias",
    "How far apart equally relevant candidates are ranked for no other reason than their language.",
    tables=lambda findings: bias(findings.facts),
)
