"""Several objectives: the trials that no other one beats in all objectives at once, in the search and in the test."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, estimate
from analysis.facts.metrics import Measure, measure, objective_label
from analysis.facts.records import Objective
from analysis.facts.runs import Run
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.render.table import Cell, Column, Table, format_value, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.section import Section
from analysis.statistics.pareto import Point, front, hypervolume

if TYPE_CHECKING:
    from analysis.render.figure import Figure

MOST_DIMENSIONS = 3
MOST_PANELS = 3
MOST_POINTS = 2_000
KINDS = ("constant ratio", "changing ratio")

DEV = "One point per complete search trial. Circled: no other trial beats it in all objectives; these became arms."
TEST = "Means over seeds with 95 % intervals over seeds. Numbers: arms of the front; crosses: the strategies."


@dataclass(frozen=True)
class Axis:
    """One of several objectives, with what is known about its measure."""

    objective: Objective
    measure: Measure

    @property
    def metric(self) -> str:
        """Its name in the records, without the benchmark."""
        return self.objective.metric

    @property
    def label(self) -> str:
        """The name for people."""
        return objective_label(self.metric)

    def score(self, value: float) -> float:
        """The value such that more is better."""
        return value if self.objective.maximised else -value

    def column(self, key: str, group: str = "") -> Column:
        """A column of its values."""
        lower = not self.objective.maximised
        return Column(slug(f"{key} {self.metric}"), self.label, self.measure.unit, group=group, lower_is_better=lower)


def axes(facts: Facts) -> tuple[Axis, ...]:
    """The objectives of a study that has several; empty for one."""
    found = tuple(Axis(one, measure(one.metric.rpartition("/")[2])) for one in facts.objectives)
    return found if len(found) > 1 else ()


def dev_values(facts: Facts, found: Sequence[Axis]) -> dict[tuple[str, str], tuple[Run, Point]]:
    """By label of the study and id, the complete search trials that have all objectives, with their dev values."""
    values: dict[tuple[str, str], tuple[Run, Point]] = {}
    for study in facts.studies:
        for run in study.runs:
            if run.phase != "search" or run.status != "complete":
                continue
            known = tuple(value for one in found if (value := run.dev(one.metric)) is not None)
            if len(known) == len(found):
                values[study.label, run.id] = run, known
    return values


def test_values(arms: Iterable[Arm], benchmark: str, found: Sequence[Axis]) -> list[tuple[Arm, Point]]:
    """The arms that have all objectives on a benchmark, with their means over seeds."""
    values = []
    for arm in arms:
        means = [estimate(arm.values(f"{benchmark}/{one.metric}").values()) for one in found]
        known = tuple(mean.mean for mean in means if mean is not None)
        if len(known) == len(found):
            values.append((arm, known))
    return values


def _members(facts: Facts) -> list[Arm]:
    return [arm for arm in facts.arms if arm.is_front]


def _strategies(facts: Facts) -> list[Arm]:
    return [arm for arm in facts.arms if arm.role == "strategy" and not arm.is_front]


def pareto_front(facts: Facts) -> Table:
    """The arms of the front: dev values of the trials that they were chosen from, test values with intervals."""
    found = axes(facts)
    members = _members(facts) if found else []
    dev = dev_values(facts, found)
    columns = [Column("arm", "Arm"), Column("description", "Schedule"), Column("same_as", "The same training as")]
    columns += [one.column("dev", "dev") for one in found]
    undominated: dict[str, set[str]] = {}
    for benchmark in facts.benchmarks:
        columns += [one.column(benchmark.name, benchmark.name) for one in found]
        columns.append(Column(slug(f"{benchmark.name} front"), "unbeaten", group=benchmark.name))
        values = test_values(members, benchmark.name, found)
        best = front([_scores(found, point) for _, point in values])
        undominated[benchmark.name] = {values[i][0].label for i in best}
    rows: list[list[object]] = []
    for arm in members:
        _, point = dev.get((arm.study, arm.record.chosen_from), (None, (None,) * len(found)))
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


def _scores(found: Sequence[Axis], point: Point) -> Point:
    return tuple(one.score(value) for one, value in zip(found, point, strict=True))


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
                scored = [_scores(found, point) for point in points]
                volume = hypervolume(scored, _scores(found, reference))
                rows.append([data, group, len(points), len(front(scored)), Cell(volume)])
            at = ", ".join(
                f"{one.label} {format_value(v, one.measure.unit)}" for one, v in zip(found, reference, strict=True)
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
        groups = {"arms of the front": _members(facts), "strategies": _strategies(facts)}
        values = {name: [p for _, p in test_values(arms, benchmark.name, found)] for name, arms in groups.items()}
        yield benchmark.name, {name: points for name, points in values.items() if points}


def _reference(found: Sequence[Axis], points: Sequence[Point]) -> Point:
    return tuple(0.0 if one.objective.maximised else max(p[i] for p in points) for i, one in enumerate(found))


# The figures.


def figures(findings: Findings) -> Iterator["Figure"]:
    """The dev values of the search, and per benchmark those of the front's arms and of the strategies."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    facts = findings.facts
    found = axes(facts)
    if not found:
        return
    names = " and ".join(one.label for one in found)
    trials = list(dev_values(facts, found).values())
    if trials:
        best = front([_scores(found, point) for _, point in trials])
        table = _dev_table(trials, best, found)
        chosen = "; ".join(f"{trials[i][0].id} ({', '.join(f'{v:.4g}' for v in trials[i][1])})" for i in best)
        yield Figure(
            "pareto_dev",
            "The objectives in the search",
            f"{len(trials)} search trials by {names}; no trial beats these in all of them: {chosen}.",
            table,
            partial(_draw_dev, table=table, found=found),
            DEV,
        )
    for benchmark in facts.benchmarks:
        arms = [*_members(facts), *_strategies(facts)]
        if not any(arm.values(f"{benchmark.name}/{found[0].metric}") for arm in _members(facts)):
            continue
        shown = _test_table(arms, benchmark.name, found)
        yield Figure(
            f"pareto_{slug(benchmark.name)}",
            f"{benchmark.name}: the front with fresh seeds",
            f"{benchmark.name}: {names} of {', '.join(arm.label for arm in arms)}.",
            shown,
            partial(_draw_test, table=shown, found=found),
            TEST,
            [row | {"name": str(row["arm"]).removeprefix("front ")} for row in values(shown)],
        )


def _dev_table(trials: Sequence[tuple[Run, Point]], best: Sequence[int], found: Sequence[Axis]) -> Table:
    """The trials of the front first: they are what a reader asks about."""
    columns = [
        Column("trial", "Trial"),
        Column("kind", "Ratio"),
        Column("front", "Front"),
        *(one.column("dev") for one in found),
    ]
    others = (i for i in range(len(trials)) if i not in set(best))
    rows = []
    for i in [*best, *others]:
        run, point = trials[i]
        schedule = run.training.schedule
        kind = KINDS[schedule is None or schedule.constant is None]
        rows.append([run.id, kind, "yes" if i in best else "no", *point])
    return make_table("figure_pareto_dev", "The objectives in the search", columns, rows[:MOST_POINTS])


def _test_table(arms: Sequence[Arm], benchmark: str, found: Sequence[Axis]) -> Table:
    columns = [Column("arm", "Arm"), Column("group", "Group"), *(one.column("test") for one in found)]
    rows = []
    for arm in arms:
        cells = [estimate_cell(estimate(arm.values(f"{benchmark}/{one.metric}").values())) for one in found]
        rows.append([arm.label, "front" if arm.is_front else "strategy", *cells])
    return make_table(f"figure_pareto_{slug(benchmark)}", f"{benchmark}: the front with fresh seeds", columns, rows)


def _pairs(found: Sequence[Axis]) -> list[tuple[Axis, Axis]]:
    return list(combinations(found, 2))[:MOST_PANELS]


def _channels(pair: tuple[Axis, Axis], key: str) -> tuple[Any, Any]:
    import altair as alt

    from analysis.render.style import axis

    channels = []
    for one, channel in zip(pair, (alt.X, alt.Y), strict=True):
        column = one.column(key)
        title = column.label + " (lower is better)" * column.lower_is_better
        scale = alt.Scale(zero=False, reverse=column.lower_is_better)
        channels.append(channel(f"{column.key}:Q", axis=axis(column.kind, title, tickCount=6), scale=scale))
    return channels[0], channels[1]


def _draw_dev(palette: Any, table: Table, found: Sequence[Axis]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, rows, tips

    chosen = highlight("kind")
    pairs = _pairs(found)
    panels = []
    for pair in pairs:
        x, y = _channels(pair, "dev")
        colour = alt.Color(
            "kind:N", scale=alt.Scale(domain=list(KINDS), range=palette.series[:2]), legend=alt.Legend(title=None)
        )
        shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(KINDS), range=["circle", "square"]))
        trials = (
            alt.Chart()
            .mark_point(filled=True)
            .encode(x, y, color=colour, shape=shape, opacity=emphasis(chosen, 0.65), tooltip=tips(table))
        )
        best = alt.FieldEqualPredicate(field="front", equal="yes")
        circles = alt.Chart().transform_filter(best).mark_point(size=160, color=palette.ink).encode(x, y)
        panels.append(alt.layer(trials, circles).properties(width=WIDTH / len(pairs) - 70, height=280))
    return alt.hconcat(*panels, data=rows(), spacing=30).add_params(chosen)


def _draw_test(palette: Any, table: Table, found: Sequence[Axis]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, rows, tips

    pairs = _pairs(found)
    groups = alt.Scale(domain=["front", "strategy"], range=palette.series[:2])
    colour = alt.Color("group:N", scale=groups, legend=None)
    shape = alt.Shape("group:N", scale=alt.Scale(domain=["front", "strategy"], range=["circle", "cross"]), legend=None)
    panels = []
    for pair in pairs:
        x, y = _channels(pair, "test")
        keys = [one.column("test").key for one in pair]
        base = alt.Chart().encode(color=colour)
        across = base.mark_rule().encode(alt.X(f"{keys[0]}_low:Q"), alt.X2(f"{keys[0]}_high:Q"), y)
        up = base.mark_rule().encode(x, alt.Y(f"{keys[1]}_low:Q"), alt.Y2(f"{keys[1]}_high:Q"))
        marks = base.mark_point(filled=True).encode(x, y, shape=shape, tooltip=tips(table))
        names = base.mark_text(align="left", dx=7, dy=-7).encode(x, y, text="name:N")
        panels.append(alt.layer(across, up, marks, names).properties(width=WIDTH / len(pairs) - 70, height=280))
    return alt.hconcat(*panels, data=rows(), spacing=30)


SECTION = Section(
    "pareto",
    "Several objectives",
    "The trials that no other one beats in all objectives at once.",
    tables=lambda findings: [pareto_front(findings.facts), hypervolumes(findings.facts)],
    figures=figures,
)
