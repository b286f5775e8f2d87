"""Several objectives: the trials of the search and the arms of the front, two objectives at a time."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from analysis.contents import Report
from analysis.figures.marks import MOST_TRIALS, Marks, said
from analysis.figures.style import COLOURS, INK, Figure, new_canvas, score_axis
from analysis.findings import Arm, estimate
from analysis.labels import slug
from analysis.statistics.pareto import front
from analysis.tables.pareto import Objective, dev_values, objectives
from analysis.tables.study import constant_ratio
from study.records import Trial

MOST_PANELS = 3
KINDS = ("constant ratio", "changing ratio")

DEV = "One point per complete search trial. Circled: no other trial beats it in all objectives; these became arms."
TEST = "Means over seeds with 95 % intervals over seeds. Numbers: arms of the front; crosses: the strategies."


def pareto(report: Report) -> Iterator[Figure]:
    """The dev values of the search, and per benchmark those of the front's arms and of the strategies."""
    found = objectives(report.findings)
    pairs = list(combinations(range(len(found)), 2))[:MOST_PANELS]
    if not pairs:
        return
    trials = list(dev_values(report.findings, found).values())
    if trials:
        canvas, axes = new_canvas(8.6, 3.9, 1, len(pairs))
        marks = Marks()
        best = front([tuple(o.score(v) for o, v in zip(found, point, strict=True)) for _, point in trials])
        for ax, pair in zip(axes, pairs, strict=True):
            for place, name in enumerate(KINDS):
                own = [point for trial, point in trials if _kind(trial) == name]
                drawn = ax.plot(*_across(own, pair), "os"[place], color=COLOURS[place], alpha=0.65, label=name)
                marks.tag(drawn, name)
            chosen = [trials[i][1] for i in best]
            circles = ax.plot(*_across(chosen, pair), "o", color=INK, mfc="none", markersize=11, label="front")
            marks.tag(circles, "front", *KINDS)
            # The front first: it is what a reader asks about, and thousands of trials would bury the page.
            for i in [*best, *(i for i in range(len(trials)) if i not in set(best))][:MOST_TRIALS]:
                trial, point = trials[i]
                names = [_kind(trial), *["front"] * (i in set(best))]
                values = (f"dev {one.label}: {said(v, one.kind)}" for one, v in zip(found, point, strict=True))
                marks.point(ax, point[pair[0]], point[pair[1]], "\n".join((trial.id, *values)), *names)
            _name_axes(ax, found, pair)
        marks.legend(canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3))
        listed = "; ".join(f"{trials[i][0].id} ({', '.join(f'{v:.4g}' for v in trials[i][1])})" for i in best)
        text = f"{len(trials)} search trials by {_listed(found)}; no trial beats these in all of them: {listed}."
        yield Figure("pareto_dev", "The objectives in the search", text, "pareto", canvas, DEV, marks)
    for benchmark in report.findings.benchmarks:
        members = [arm for arm in report.findings.arms if arm.is_front]
        strategies = [arm for arm in report.findings.arms if arm.role == "strategy" and not arm.is_front]
        if not any(arm.values(f"{benchmark.name}/{found[0].metric}") for arm in members):
            continue
        canvas, axes = new_canvas(8.6, 3.9, 1, len(pairs))
        marks = Marks()
        for ax, pair in zip(axes, pairs, strict=True):
            for arm in members:
                _arm(ax, arm, benchmark.name, found, pair, COLOURS[0], marks)
            for arm in strategies:
                _arm(ax, arm, benchmark.name, found, pair, COLOURS[1], marks)
            _name_axes(ax, found, pair)
        text = f"{benchmark.name}: {_listed(found)} of {', '.join(arm.label for arm in [*members, *strategies])}."
        title = f"{benchmark.name}: the front with fresh seeds"
        yield Figure(f"pareto_{slug(benchmark.name)}", title, text, "pareto", canvas, TEST, marks)


def _kind(trial: Trial) -> str:
    return KINDS[constant_ratio(trial.training.get("ratio")) is None]


def _across(points: Sequence[tuple[float, ...]], pair: tuple[int, int]) -> tuple[list[float], list[float]]:
    return [point[pair[0]] for point in points], [point[pair[1]] for point in points]


def _arm(
    ax: Any, arm: Arm, benchmark: str, found: Sequence[Objective], pair: tuple[int, int], colour: str, marks: Marks
) -> None:
    x, y = (estimate(arm.values(f"{benchmark}/{found[i].metric}").values()) for i in pair)
    if x is None or y is None:
        return
    bars = [None if e.low is None or e.high is None else [[e.mean - e.low], [e.high - e.mean]] for e in (x, y)]
    marker = "o" if arm.is_front else "X"
    point = ax.errorbar([x.mean], [y.mean], xerr=bars[0], yerr=bars[1], color=colour, marker=marker, elinewidth=1)
    offset = {"xytext": (5, 5), "textcoords": "offset points"}
    name = ax.annotate(arm.name.removeprefix("front "), (x.mean, y.mean), color=colour, fontsize=8.5, **offset)
    marks.tag([point, name], arm.label)
    values = (f"{found[i].label}: {said(e, found[i].kind)}" for i, e in zip(pair, (x, y), strict=True))
    marks.point(ax, x.mean, y.mean, "\n".join((arm.label, *values)), arm.label)


def _name_axes(ax: Any, found: Sequence[Objective], pair: tuple[int, int]) -> None:
    for axis, one, name in ((ax.xaxis, found[pair[0]], ax.set_xlabel), (ax.yaxis, found[pair[1]], ax.set_ylabel)):
        name(one.label if one.maximised else f"{one.label} (lower is better)")
        if one.kind == "score":
            score_axis(axis)
        if not one.maximised:
            axis.set_inverted(True)


def _listed(found: Sequence[Objective]) -> str:
    return " and ".join(one.label for one in found)
