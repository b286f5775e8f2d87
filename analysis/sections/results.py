"""Results: what each arm reached, by benchmark and setting."""

from collections.abc import Collection, Mapping

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate
from analysis.findings.findings import Findings
from analysis.render.table import Column, Mark, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, slug
from analysis.sections.section import Section
from analysis.sections.trade_off import trade_offs


def results(findings: Findings, only: Benchmark | None = None) -> Table:
    """Arms x (benchmark, setting): mean with interval, the best of each column and group of arms in bold.

    A dagger marks the arms that the comparisons could not separate from the best.
    """
    facts, means, tied = findings.facts, findings.means, findings.comparisons.tied
    columns = [*arm_columns(facts), Column("seeds", "Seeds", "count")]
    metrics: list[str] = []
    estimates: dict[tuple[str, str], Estimate | None] = {}
    for benchmark in facts.benchmarks if only is None else (only,):
        group = f"{benchmark.name} ({benchmark.measure.label})"
        for setting in benchmark.settings:
            metrics.append(benchmark.column(setting))
            estimates |= {(arm.label, metrics[-1]): means.of(arm, benchmark, setting) for arm in facts.arms}
            columns.append(Column(slug(metrics[-1]), setting.capitalize(), "score", group=group))
    rows = []
    for arm in facts.arms:
        rivals = [other for other in facts.arms if other.group == arm.group]
        cells = []
        for metric in metrics:
            mark = _mark(arm, metric, rivals, estimates, (tied or {}).get(metric, ()))
            cells.append(estimate_cell(estimates[arm.label, metric], mark))
        rows.append([*arm_cells(facts, arm), len(arm.runs), *cells])
    notes = [means.note]
    parts = [*facts.factors, *["study"] * any(study for _, study in {a.group for a in facts.arms})]
    best = f"Bold: best of its column{' for each ' * bool(parts)}{' and '.join(parts)}."
    if tied is not None:
        notes.append(f"{best} \N{DAGGER}: not separable from the best (paired test, Holm).")
    elif facts.arms:
        notes.append(best)
    twins = [f"{arm.title} is {arm.record.same_as}" for arm in facts.arms if arm.record.same_as]
    if twins:
        notes.append(f"The same training under two names: {', '.join(dict.fromkeys(twins))}.")
    return make_table("results", "Results by arm", columns, rows, notes)


def _mark(
    arm: Arm,
    metric: str,
    rivals: list[Arm],
    estimates: Mapping[tuple[str, str], Estimate | None],
    tied: Collection[str],
) -> Mark:
    found = estimates[arm.label, metric]
    means = [e.mean for rival in rivals if (e := estimates[rival.label, metric]) is not None]
    if found is None or len(means) < 2:
        return ""
    if found.mean == max(means):
        return "best"
    return "tied" if arm.label in tied else ""


SECTION = Section(
    "results",
    "Results",
    "How well each arm retrieves, by benchmark and setting. Higher is better.",
    tables=lambda findings: [results(findings)],
    figures=trade_offs,
)
