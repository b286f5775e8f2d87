"""Several objectives: the trials that no other one beats in all objectives at once, in the search and in the test."""

from collections.abc import Iterator, Sequence

from analysis.facts.facts import Facts, estimate
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, format_value, make_table
from analysis.sections.cells import estimate_cell, measure_kind, slug
from analysis.sections.fronts import fronts
from analysis.sections.objectives import Axis, axes, dev_values, front_arms, scores, strategies, test_values
from analysis.sections.section import Section
from analysis.statistics.pareto import Point, front, hypervolume

MOST_DIMENSIONS = 3


def pareto_front(facts: Facts) -> Table:
    """The arms of the front: dev values of the trials that they were chosen from, test values with intervals."""
    found = axes(facts)
    members = front_arms(facts) if found else []
    dev = dev_values(facts, found)
    columns = [Column("arm", "Arm"), Column("description", "Schedule"), Column("same_as", "The same training as")]
    columns += [one.column("dev", "dev") for one in found]
    undominated: dict[str, set[str]] = {}
    for benchmark in facts.benchmarks:
        columns += [one.column(benchmark.name, benchmark.name) for one in found]
        columns.append(Column(slug(f"{benchmark.name} front"), "unbeaten", group=benchmark.name))
        values = test_values(members, benchmark.name, found)
        best = front([scores(found, point) for _, point in values])
        undominated[benchmark.name] = {values[i][0].label for i in best}
    rows: list[list[object]] = []
    for arm in members:
        _, point = dev.get((arm.study, arm.record.chosen_from or ""), (None, (None,) * len(found)))
        row: list[object] = [arm.label, arm.record.description, arm.record.same_as, *point]
        for benchmark in facts.benchmarks:
            row += [estimate_cell(estimate(arm.values(f"{benchmark.name}/{one.metric}").values())) for one in found]
            row.append("yes" if arm.label in undominated[benchmark.name] else "no")
        rows.append(row)
    notes = [
        "The search trials that no other one beats in all objectives at once (at least as good everywhere, better "
        "somewhere), trained anew with fresh seeds. Dev: the single run that was chosen. Unbeaten: the same rule among "
        "these arms, by their means on the test benchmark.",
        seeds_note(facts),
    ]
    return make_table("pareto_front", "The Pareto front", columns, rows, notes)


def hypervolumes(facts: Facts) -> Table:
    """How much of the space of objectives is reached: by every family in the search, by groups of arms in the test."""
    found = axes(facts)
    columns = [
        Column("data", "Judged on"),
        Column("group", "Group"),
        Column("points", "Points", "count"),
        Column("front", "Unbeaten", "count"),
        Column("hypervolume", "Hypervolume", "number"),
    ]
    rows, notes = [], []
    if 1 < len(found) <= MOST_DIMENSIONS:
        notes.append(
            "Hypervolume: the volume between the reference point and the points that no other one of the group beats "
            "(Zitzler and Thiele 1999); more is better. More points reach more: compare groups of equal size."
        )
        for data, groups in _places(facts, found):
            everything = [point for points in groups.values() for point in points]
            if not everything:
                continue
            reference = _reference(found, everything)
            for group, points in groups.items():
                scored = [scores(found, point) for point in points]
                volume = hypervolume(scored, scores(found, reference))
                rows.append([data, group, len(points), len(front(scored)), Cell(volume)])
            at = ", ".join(
                f"{one.label} {format_value(v, measure_kind(one.measure))}"
                for one, v in zip(found, reference, strict=True)
            )
            notes.append(f"Reference point on {data}: {at} (zero, or the worst value where less is better).")
    return make_table("hypervolume", "Hypervolume", columns, rows, notes)


def _places(facts: Facts, found: Sequence[Axis]) -> Iterator[tuple[str, dict[str, list[Point]]]]:
    dev: dict[str, list[Point]] = {"all families": []}
    for run, point in dev_values(facts, found).values():
        dev["all families"].append(point)
        dev.setdefault(run.branch, []).append(point)
    yield "dev", dev
    for benchmark in facts.benchmarks:
        groups = {"arms of the front": front_arms(facts), "strategies": strategies(facts)}
        values = {name: [p for _, p in test_values(arms, benchmark.name, found)] for name, arms in groups.items()}
        yield benchmark.name, {name: points for name, points in values.items() if points}


def _reference(found: Sequence[Axis], points: Sequence[Point]) -> Point:
    return tuple(0.0 if one.objective.maximised else max(p[i] for p in points) for i, one in enumerate(found))


SECTION = Section(
    "pareto",
    "Several objectives",
    "The trials that no other one beats in all objectives at once.",
    tables=lambda findings: [pareto_front(findings.facts), hypervolumes(findings.facts)],
    figures=fronts,
)
