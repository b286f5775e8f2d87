"""What was found: the forest of comparisons, the trade-offs between settings, the curves by size."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from analysis.comparisons import Judged
from analysis.contents import Report
from analysis.figures.marks import Marks, said
from analysis.figures.style import COLOURS, INK, LINE, MUTED, Figure, look, new_canvas, score_axis
from analysis.figures.training import distinct
from analysis.findings import Arm, Benchmark, Estimate, estimate
from analysis.labels import metric_label, slug
from analysis.tables.comparisons import verdict
from analysis.tables.sizes import growths, sizes

VERDICT_LOOKS: dict[str, dict[str, Any]] = {
    "better": {"color": COLOURS[0], "marker": "o", "mfc": COLOURS[0]},
    "worse": {"color": COLOURS[1], "marker": "s", "mfc": COLOURS[1]},
    "equivalent": {"color": COLOURS[2], "marker": "D", "mfc": "none"},
    "not separable": {"color": MUTED, "marker": "o", "mfc": "none"},
    "single run": {"color": MUTED, "marker": "x", "mfc": MUTED},
}

FOREST = "Arm minus arm, with 95 % intervals. Grey band: differences within the margin. Bold: the question's own pair."
TRADE_OFF = (
    "Up and to the right is better. The dotted line joins the arms that no other beats on both axes. "
    "Bars: 95 % intervals of the results (of rank distance: over seeds); those that leave the panel are longer still."
)
SIZES = "Points: single runs. Bands: 95 % intervals of the fitted curves."


def forest(report: Report) -> Iterator[Figure]:
    """Per benchmark: the difference of every compared pair with its interval, one panel per setting."""
    for benchmark in report.findings.benchmarks:
        judged = [j for j in report.comparisons.judged if j.benchmark == benchmark.name and not j.is_bias]
        if not judged:
            continue
        settings = [s for s in benchmark.settings if any(j.setting == s for j in judged)]
        pairs = list(dict.fromkeys((j.first.label, j.second.label) for j in judged))
        main = {(j.first.label, j.second.label) for j in judged if j.is_main}
        canvas, axes = new_canvas(8.6, 1.3 + 0.32 * len(pairs), 1, len(settings), sharey=True)
        marks = Marks()
        for ax, setting in zip(axes, settings, strict=True):
            ax.axvspan(-report.comparisons.margin, report.comparisons.margin, color=LINE, alpha=0.6, linewidth=0)
            ax.axvline(0, color=MUTED, linewidth=0.8)
            for j in (j for j in judged if j.setting == setting):
                _point(ax, j, len(pairs) - 1 - pairs.index((j.first.label, j.second.label)), marks)
            ax.set_title(setting)
            ax.set_xlabel(f"difference in {metric_label(benchmark.metric)}")
            ax.grid(axis="y", visible=False)
            ax.margins(x=0.12)
            ax.locator_params(axis="x", nbins=4)
            score_axis(ax.xaxis)
        axes[0].set_yticks(range(len(pairs)), [_minus(*pair) for pair in reversed(pairs)])
        axes[0].set_ylim(-0.6, len(pairs) - 0.4)
        for label, pair in zip(axes[0].get_yticklabels(), reversed(pairs), strict=True):
            label.set_fontweight("bold" if pair in main else "normal")
            marks.label(label, _minus(*pair), _minus(*pair))
        shown = [name for name in VERDICT_LOOKS if any(verdict(j) == name for j in judged)]
        handles = [axes[0].plot([], [], linestyle="-", label=name, **_look(name))[0] for name in shown]
        marks.legend(canvas.legend(handles=handles, loc="outside upper left", ncols=5))
        listed = "; ".join(f"{j.first.label} minus {j.second.label}, {j.setting}: {verdict(j)}" for j in judged)
        text = f"{benchmark.name}: differences with 95 % intervals; the grey band is the equivalence margin. {listed}."
        yield Figure(
            f"forest_{slug(benchmark.name)}",
            f"{benchmark.name}: differences between arms",
            text,
            "comparisons",
            canvas,
            FOREST,
            marks,
        )


def _minus(first: str, second: str) -> str:
    return f"{first} \N{MINUS SIGN} {second}"


def _look(name: str) -> dict[str, Any]:
    return {**VERDICT_LOOKS[name], "markersize": 5, "linewidth": 1.4, "markeredgewidth": 1.2}


def _point(ax: Any, judged: Judged, place: int, marks: Marks) -> None:
    found = judged.comparison
    names = _minus(judged.first.label, judged.second.label), verdict(judged)
    low, high = found.interval or (None, None)
    drawn = []
    if low is not None and high is not None:
        drawn += ax.plot((low, high), [place, place], color=VERDICT_LOOKS[verdict(judged)]["color"], linewidth=1.4)
    drawn += ax.plot(
        [found.difference],
        [place],
        linestyle="none",
        **{k: v for k, v in _look(verdict(judged)).items() if k != "linewidth"},
    )
    marks.tag(drawn, *names)
    value = said(Estimate(found.difference, low, high, found.n_seeds), "difference")
    text = f"{names[0]}\n{judged.setting} {metric_label(judged.metric)}: {value}\n{names[1]}"
    ends = (found.difference, found.difference) if low is None or high is None else (low, high)
    marks.line(ax, ends, (place, place), text, *names)


def trade_offs(report: Report) -> Iterator[Figure]:
    """Per benchmark: monolingual against cross-lingual quality, multilingual quality against language bias; the arms
    that no other beats on both are joined."""
    arms = distinct(report.findings.arms)
    for benchmark in report.findings.benchmarks:
        bias = f"{benchmark.name}/bias/rank_distance"
        label = metric_label(benchmark.metric)
        panels = []
        if {"monolingual", "cross-lingual"} <= set(benchmark.settings):
            panels.append(
                (
                    benchmark.column("monolingual"),
                    benchmark.column("cross-lingual"),
                    f"monolingual {label}",
                    f"cross-lingual {label}",
                    True,
                )
            )
        if "multilingual" in benchmark.settings and bias in report.findings.metric_names:
            panels.append(
                (
                    benchmark.column("multilingual"),
                    bias,
                    f"multilingual {label}",
                    "rank distance (ranks, lower is better)",
                    False,
                )
            )
        if not panels or len(arms) < 2:
            continue
        canvas, axes = new_canvas(8.6, 3.9, 1, len(panels))
        fronts = []
        marks = Marks()
        for ax, (x, y, x_label, y_label, higher) in zip(axes, panels, strict=True):
            found = [(arm, _estimate(report, benchmark, arm, x), _estimate(report, benchmark, arm, y)) for arm in arms]
            fronts.append(_trade_off(ax, found, x_label, y_label, higher, marks))
            ax.set_xlabel(x_label)
            ax.set_ylabel(y_label)
            score_axis(ax.xaxis)
            if higher:
                score_axis(ax.yaxis)
            else:
                ax.set_yscale("log" if _spans_decades(arms, y) else "linear")
                ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
                ax.yaxis.set_minor_formatter(lambda value, _: f"{value:,.0f}" if f"{value:e}"[0] in "25" else "")
                ax.invert_yaxis()
            _show_the_marks(ax, found)
        handles, labels = axes[0].get_legend_handles_labels()
        marks.legend(canvas.legend(handles, labels, loc="outside lower center", ncols=3))
        listed = "; ".join(
            f"no arm beats {', '.join(front)} on both {p[2]} and {p[3]}"
            for front, p in zip(fronts, panels, strict=True)
        )
        text = f"{benchmark.name}: mean over seeds with 95 % intervals; {listed}."
        name, title = f"trade_off_{slug(benchmark.name)}", f"{benchmark.name}: trade-offs"
        yield Figure(name, title, text, "results", canvas, TRADE_OFF, marks)


def _spans_decades(arms: Sequence[Arm], metric: str) -> bool:
    means = [e.mean for arm in arms if (e := estimate(arm.values(metric).values())) is not None]
    return min(means) > 0 and max(means) / min(means) > 4


def _estimate(report: Report, benchmark: Benchmark, arm: Arm, metric: str) -> Estimate | None:
    """The mean with the interval that the tables give it; metrics that they have no bootstrap for: over seeds."""
    setting = next((s for s in benchmark.settings if benchmark.column(s) == metric), None)
    if setting is None:
        return estimate(arm.values(metric).values())
    return report.means.of(arm, benchmark, setting)


def _trade_off(
    ax: Any,
    found: Sequence[tuple[Arm, Estimate | None, Estimate | None]],
    x_label: str,
    y_label: str,
    higher: bool,
    marks: Marks,
) -> list[str]:
    points = []
    for index, (arm, across, up) in enumerate(found):
        if across is None or up is None:
            continue
        bars = [
            None if e.low is None or e.high is None else [[max(0.0, e.mean - e.low)], [max(0.0, e.high - e.mean)]]
            for e in (across, up)
        ]
        looks = look(index) | {"linestyle": "none"}
        drawn = ax.errorbar(
            [across.mean],
            [up.mean],
            xerr=bars[0],
            yerr=bars[1],
            **looks,
            markersize=6.5,
            elinewidth=0.8,
            label=arm.label,
            zorder=3,
        )
        for bar in drawn.lines[2]:
            bar.set(alpha=0.45, zorder=2)
        marks.tag(drawn, arm.label)
        up_label = y_label.partition(" (")[0]
        text = f"{arm.label}\n{x_label}: {said(across)}\n{up_label}: {said(up, 'score' if higher else 'rank')}"
        marks.point(ax, across.mean, up.mean, text, arm.label)
        points.append((across.mean, up.mean if higher else -up.mean, up.mean, arm.label))
    front = sorted(p for p in points if not any(q[0] >= p[0] and q[1] >= p[1] and q[:2] != p[:2] for q in points))
    ax.plot([p[0] for p in front], [p[2] for p in front], color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    return [p[3] for p in front]


def _show_the_marks(ax: Any, found: Sequence[tuple[Arm, Estimate | None, Estimate | None]]) -> None:
    """Frames marks and bars, but gives bars no more room on a side than two fifths of what the marks take.

    Those of two seeds may be many times as long as all arms are apart.
    """
    both = [(across, up) for _, across, up in found if across is not None and up is not None]
    if both:
        ax.set_xlim(*_frame([pair[0] for pair in both], ax.get_xscale() == "log"))
        low, high = _frame([pair[1] for pair in both], ax.get_yscale() == "log")
        ax.set_ylim(*((high, low) if ax.yaxis_inverted() else (low, high)))


def _frame(shown: Sequence[Estimate], log: bool) -> tuple[float, float]:
    def place(value: float) -> float:
        return value if not log else math.log(value) if value > 0 else -math.inf

    means = [place(one.mean) for one in shown]
    between = (max(means) - min(means)) or 0.1 * abs(means[0]) or 1.0
    ends = [place(one.mean if end is None else end) for one in shown for end in (one.low, one.high)]
    low = max(min(ends), min(means) - 0.4 * between) - 0.1 * between
    high = min(max(ends), max(means) + 0.4 * between) + 0.1 * between
    return (math.exp(low), math.exp(high)) if log else (low, high)


def size_curves(report: Report) -> Iterator[Figure]:
    """Per benchmark: the metric against size with the fitted curves and their 95 % bands, one panel per setting."""
    found = sizes(report.findings)
    fits, _ = growths(report.findings)
    for benchmark in report.findings.benchmarks:
        own = [growth for growth in fits if growth.benchmark == benchmark]
        if found is None or not own:
            continue
        canvas, axes = new_canvas(8.6, 3.6, 1, len(own))
        marks = Marks()
        for ax, growth in zip(axes, own, strict=True):
            for index, (name, curve) in enumerate(growth.scaling.curves.items()):
                looks = look(index)
                runs = [run for run in growth.runs if run.strategy == name]
                drawn: list[Any] = ax.plot(
                    curve.sizes, curve.fitted, color=looks["color"], linestyle=looks["linestyle"]
                )
                if curve.low is not None and curve.high is not None:
                    band = {"color": looks["color"], "alpha": 0.13, "linewidth": 0}
                    drawn.append(ax.fill_between(curve.sizes, curve.low, curve.high, **band))
                points = {"color": looks["color"], "marker": looks["marker"], "linestyle": "none", "markersize": 4}
                drawn += ax.plot([run.size for run in runs], [run.value for run in runs], label=name, **points)
                marks.tag(drawn, name)
                for run in runs:
                    value = f"{growth.setting} {metric_label(benchmark.metric)}: {said(run.value)}"
                    text = f"{name}\n{run.size:,.0f} {found.name}, seed {run.seed}\n{value}"
                    marks.point(ax, run.size, run.value, text, name)
            ax.set_xscale("log")
            ax.set_title(growth.setting)
            ax.set_xlabel(found.name)
            score_axis(ax.yaxis)
        axes[0].set_ylabel(metric_label(benchmark.metric))
        marks.legend(canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3))
        trends = " ".join(trend.sentence for growth in own for trend in growth.scaling.gains)
        label = metric_label(benchmark.metric)
        text = f"{label} of every run by {found.name}, with fitted curves and 95 % bands. {trends}"
        name, title = f"sizes_{slug(benchmark.name)}", f"{benchmark.name} by {found.name}"
        yield Figure(name, title, text, "sizes", canvas, SIZES, marks)
