"""Several objectives: the arms of the Pareto front, on the dev data that chose them and on the test benchmarks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analysis.findings import Arm, Findings, estimate, objective_value
from analysis.labels import objective_label, slug
from analysis.render.table import Cell, Column, Kind, Table, format_value, make_table
from analysis.statistics.pareto import Point, front, hypervolume
from analysis.tables.results import estimate_cell, seeds_note
from study.records import Trial

MOST_DIMENSIONS = 3


@dataclass(frozen=True)
class Objective:
    """One of several objectives: its metric, whether more is better, how it is written."""

    metric: str
    maximised: bool

    @property
    def label(self) -> str:
        """The name for people."""
        return objective_label(self.metric)

    @property
    def kind(self) -> Kind:
        """How its values are written."""
        return "rank" if self.metric in ("bias/rank_distance", "bias/rank_distance_median") else "score"

    def score(self, value: float) -> float:
        """The value such that more is better."""
        return value if self.maximised else -value


def objectives(findings: Findings) -> tuple[Objective, ...]:
    """The objectives of a study that has several; empty for one."""
    found = tuple(Objective(metric, maximised) for metric, maximised in findings.objectives)
    return found if len(found) > 1 else ()


def dev_values(findings: Findings, found: Sequence[Objective]) -> dict[tuple[str, str], tuple[Trial, Point]]:
    """By label of the study and id, the complete search trials that have all objectives, with their dev values."""
    values: dict[tuple[str, str], tuple[Trial, Point]] = {}
    for study, label in findings.labels.items():
        for trial in study.trials:
            if trial.phase != "search" or trial.status != "complete":
                continue
            point = [objective_value(trial, one.metric) for one in found]
            known = tuple(value for value in point if value is not None)
            if len(known) == len(found):
                values[label, trial.id] = trial, known
    return values


def test_values(arms: Iterable[Arm], benchmark: str, found: Sequence[Objective]) -> list[tuple[Arm, Point]]:
    """The arms that have all objectives on a benchmark, with their means over seeds."""
    values = []
    for arm in arms:
        means = [estimate(arm.values(f"{benchmark}/{one.metric}").values()) for one in found]
        known = tuple(mean.mean for mean in means if mean is not None)
        if len(known) == len(found):
            values.append((arm, known))
    return values


def pareto_front(findings: Findings) -> Table:
    """The arms of the front: dev values of the trials that they were chosen from, test values with intervals."""
    found = objectives(findings)
    members = [arm for arm in findings.arms if arm.is_front] if found else []
    dev = dev_values(findings, found)
    columns = [Column("arm", "Arm"), Column("description", "Schedule"), Column("same_as", "The same training as")]
    columns += [_column("dev", "dev", one) for one in found]
    undominated: dict[str, set[str]] = {}
    for benchmark in findings.benchmarks:
        columns += [_column(benchmark.name, benchmark.name, one) for one in found]
        columns.append(Column(slug(f"{benchmark.name} front"), "unbeaten", group=benchmark.name))
        values = test_values(members, benchmark.name, found)
        best = front([_scores(found, point) for _, point in values])
        undominated[benchmark.name] = {values[i][0].label for i in best}
    rows: list[list[object]] = []
    for arm in members:
        _, point = dev.get((arm.study, str(arm.definition.get("chosen_from"))), (None, (None,) * len(found)))
        row: list[object] = [arm.label, arm.definition.get("description") or "", arm.definition.get("same_as") or ""]
        row += point
        for benchmark in findings.benchmarks:
            row += [estimate_cell(estimate(arm.values(f"{benchmark.name}/{one.metric}").values())) for one in found]
            row.append("yes" if arm.label in undominated[benchmark.name] else "no")
        rows.append(row)
    notes = [
        "The search trials that no other one beats in all objectives at once (at least as good everywhere, better "
        "somewhere), trained anew with fresh seeds. Dev: the single run that was chosen. Unbeaten: the same rule among "
        "these arms, by their means on the test benchmark.",
        seeds_note(findings),
    ]
    return make_table("pareto_front", "The Pareto front", columns, rows, notes)


def _column(key: str, group: str, one: Objective) -> Column:
    return Column(slug(f"{key} {one.metric}"), one.label, one.kind, group=group, lower_is_better=not one.maximised)


def _scores(found: Sequence[Objective], point: Point) -> Point:
    return tuple(one.score(value) for one, value in zip(found, point, strict=True))


def hypervolumes(findings: Findings) -> Table:
    """How much of the space of objectives is reached: by every family in the search, by groups of arms in the test."""
    found = objectives(findings)
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
        for data, groups in _places(findings, found):
            everything = [point for points in groups.values() for point in points]
            if not everything:
                continue
            reference = _reference(found, everything)
            for group, points in groups.items():
                scored = [_scores(found, point) for point in points]
                volume = hypervolume(scored, _scores(found, reference))
                rows.append([data, group, len(points), len(front(scored)), Cell(volume)])
            at = ", ".join(f"{one.label} {format_value(v, one.kind)}" for one, v in zip(found, reference, strict=True))
            notes.append(f"Reference point on {data}: {at} (zero, or the worst value where less is better).")
    return make_table("hypervolume", "Hypervolume", columns, rows, notes)


def _places(findings: Findings, found: Sequence[Objective]) -> Iterator[tuple[str, dict[str, list[Point]]]]:
    dev: dict[str, list[Point]] = {"all families": []}
    for trial, point in dev_values(findings, found).values():
        dev["all families"].append(point)
        dev.setdefault(trial.family, []).append(point)
    yield "dev", dev
    for benchmark in findings.benchmarks:
        groups = {
            "arms of the front": [arm for arm in findings.arms if arm.is_front],
            "strategies": [arm for arm in findings.arms if arm.role == "strategy" and not arm.is_front],
        }
        values = {name: [p for _, p in test_values(arms, benchmark.name, found)] for name, arms in groups.items()}
        yield benchmark.name, {name: points for name, points in values.items() if points}


def _reference(found: Sequence[Objective], points: Sequence[Point]) -> Point:
    return tuple(0.0 if one.maximised else max(point[i] for point in points) for i, one in enumerate(found))
