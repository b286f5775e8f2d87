"""Results: what each arm reached, by benchmark and setting."""

from collections.abc import Mapping

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate
from analysis.findings.comparisons import Comparisons
from analysis.findings.findings import Findings
from analysis.render.table import Cell, Column, Mark, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, slug
from analysis.sections.section import Section
from analysis.sections.trade_off import trade_offs


def results(findings: Findings, only: Benchmark | None = None) -> Table:
    """Arms x (benchmark, setting): mean with interval, the best of each column and group of arms in bold.

    A dagger marks the arms that no verdict of this report separates from the best.
    """
    facts, means, compared = findings.facts, findings.means, findings.comparisons
    columns = [*arm_columns(facts), Column("seeds", "Seeds", "count")]
    metrics: list[str] = []
    estimates: dict[tuple[str, str], Estimate | None] = {}
    for benchmark in facts.benchmarks if only is None else (only,):
        group = f"{benchmark.name} ({benchmark.measure.label})"
        for setting in benchmark.summaries:
            metrics.append(benchmark.column(setting))
            estimates |= {(arm.label, metrics[-1]): means.of(arm, benchmark, setting) for arm in facts.arms}
            columns.append(Column(slug(metrics[-1]), setting.capitalize(), "score", group=group))
    rows = []
    for arm in facts.arms:
        rivals = [other for other in facts.arms if other.group == arm.group]
        marks = [_mark(arm, metric, rivals, estimates, compared) for metric in metrics]
        cells = [estimate_cell(estimates[arm.label, of], mark) for of, mark in zip(metrics, marks, strict=True)]
        seeds = Cell(len(arm.runs), remark=f"and {len(arm.diverged)} diverged" if arm.diverged else "")
        rows.append([*arm_cells(facts, arm), seeds, *cells])
    notes = [means.note]
    parts = [*facts.factors, *["study"] * any(study for _, study in {a.group for a in facts.arms})]
    best = f"Bold: best of its column{' for each ' * bool(parts)}{' and '.join(parts)}."
    if compared.tied:
        notes.append(
            f"{best} \N{DAGGER}: by the verdicts of this report not separable from the best, or equivalent to it; the "
            "marks of a column hold together with 95 % chance, whichever arm is the best."
        )
    elif facts.arms:
        notes.append(best)
    twins = [f"{arm.label} is {arm.same_as}" for arm in facts.arms if arm.same_as]
    if twins:
        notes.append(f"The same training under two names: {', '.join(dict.fromkeys(twins))}.")
    return make_table("results", "Results by arm", columns, rows, notes)


def _mark(
    arm: Arm,
    metric: str,
    rivals: list[Arm],
    estimates: Mapping[tuple[str, str], Estimate | None],
    compared: Comparisons,
) -> Mark:
    if metric in compared.best:
        return (
            "best"
            if arm.label in compared.best[metric]
            else "tied"
            if arm.label in compared.tied.get(metric, ())
            else ""
        )
    found = estimates[arm.label, metric]
    means = [e.mean for rival in rivals if (e := estimates[rival.label, metric]) is not None]
    if found is None or len(means) < 2:
        return ""
    return "best" if found.mean == max(means) and not arm.diverged and arm.compared else ""


SECTION = Section(
    "results",
    "Results",
    "How well each arm retrieves, by benchmark and setting. Higher is better.",
    tables=lambda findings: [results(findings)],
    figures=trade_offs,
)
