"""Several objectives: the trials of the search and the arms of the front, two objectives at a time."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from analysis.contents import Report
from analysis.figures.style import COLOURS, INK, Figure, new_canvas, score_axis
from analysis.findings import Arm, estimate
from analysis.labels import slug
from analysis.pareto import front
from analysis.tables.pareto import Objective, dev_values, objectives
from analysis.tables.study import constant_ratio

MOST_PANELS = 3

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
        best = front([tuple(o.score(v) for o, v in zip(found, point, strict=True)) for _, point in trials])
        for ax, pair in zip(axes, pairs, strict=True):
            for constant, place, name in ((True, 0, "constant ratio"), (False, 1, "changing ratio")):
                own = [p for t, p in trials if (constant_ratio(t.training.get("ratio")) is not None) == constant]
                ax.plot(*_across(own, pair), "os"[place], color=COLOURS[place], alpha=0.65, label=name)
            chosen = [trials[i][1] for i in best]
            ax.plot(*_across(chosen, pair), "o", color=INK, markerfacecolor="none", markersize=11, label="front")
            _name_axes(ax, found, pair)
        canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        listed = "; ".join(f"{trials[i][0].id} ({', '.join(f'{v:.4g}' for v in trials[i][1])})" for i in best)
        text = f"{len(trials)} search trials by {_listed(found)}; no trial beats these in all of them: {listed}."
        yield Figure("pareto_dev", "The objectives in the search", text, "pareto", canvas, DEV)
    for benchmark in report.findings.benchmarks:
        members = [arm for arm in report.findings.arms if arm.is_front]
        strategies = [arm for arm in report.findings.arms if arm.role == "strategy" and not arm.is_front]
        if not any(arm.values(f"{benchmark.name}/{found[0].metric}") for arm in members):
            continue
        canvas, axes = new_canvas(8.6, 3.9, 1, len(pairs))
        for ax, pair in zip(axes, pairs, strict=True):
            for arm in members:
                _arm(ax, arm, benchmark.name, found, pair, COLOURS[0], arm.name.removeprefix("front "))
            for arm in strategies:
                _arm(ax, arm, benchmark.name, found, pair, COLOURS[1], arm.name)
            _name_axes(ax, found, pair)
        text = f"{benchmark.name}: {_listed(found)} of {', '.join(arm.label for arm in [*members, *strategies])}."
        title = f"{benchmark.name}: the front with fresh seeds"
        yield Figure(f"pareto_{slug(benchmark.name)}", title, text, "pareto", canvas, TEST)


def _across(points: Sequence[tuple[float, ...]], pair: tuple[int, int]) -> tuple[list[float], list[float]]:
    return [point[pair[0]] for point in points], [point[pair[1]] for point in points]


def _arm(
    ax: Any, arm: Arm, benchmark: str, found: Sequence[Objective], pair: tuple[int, int], colour: str, name: str
) -> None:
    x, y = (estimate(arm.values(f"{benchmark}/{found[i].metric}").values()) for i in pair)
    if x is None or y is None:
        return
    bars = [None if e.low is None or e.high is None else [[e.mean - e.low], [e.high - e.mean]] for e in (x, y)]
    marker = "o" if arm.is_front else "X"
    ax.errorbar([x.mean], [y.mean], xerr=bars[0], yerr=bars[1], color=colour, marker=marker, elinewidth=1)
    ax.annotate(name, (x.mean, y.mean), xytext=(5, 5), textcoords="offset points", color=colour, fontsize=8.5)


def _name_axes(ax: Any, found: Sequence[Objective], pair: tuple[int, int]) -> None:
    for axis, one, name in ((ax.xaxis, found[pair[0]], ax.set_xlabel), (ax.yaxis, found[pair[1]], ax.set_ylabel)):
        name(one.label if one.maximised else f"{one.label} (lower is better)")
        if one.kind == "score":
            score_axis(axis)
        if not one.maximised:
            axis.set_inverted(True)


def _listed(found: Sequence[Objective]) -> str:
    return " and ".join(one.label for one in found)
