"""What the ratio does: the constant ratios as a curve, the dynamic arms beside it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from analysis.contents import Report
from analysis.figures.marks import Marks, said
from analysis.figures.style import COLOURS, Figure, look, new_canvas, score_axis
from analysis.figures.training import distinct
from analysis.findings import Arm, Benchmark
from analysis.labels import metric_label, slug
from analysis.means import Means
from analysis.tables.study import constant_ratio

RATIO = "Points: arms with a constant ratio, with their 95 % intervals. Lines across: arms whose ratio changes."
CONSTANT = "constant ratio"
RATIOS_SHOWN = (-0.04, 1.04)


def ratio_curve(report: Report) -> Iterator[Figure]:
    """Per benchmark: the constant ratios as a curve with intervals, the dynamic arms as lines across."""
    arms = distinct(report.findings.arms)
    for model in dict.fromkeys(arm.model for arm in arms):
        held = [arm for arm in arms if arm.model == model]
        static = [(ratio, arm) for arm in held if (ratio := constant_ratio(arm.definition.get("schedule"))) is not None]
        dynamic = [arm for arm in held if arm.role == "dynamic" and not arm.is_front]
        if len({ratio for ratio, _ in static}) < 2:
            continue
        static.sort(key=lambda pair: pair[0])
        for benchmark in report.findings.benchmarks:
            canvas, axes = new_canvas(8.6, 3.5, 1, len(benchmark.settings))
            marks = Marks()
            for ax, setting in zip(axes, benchmark.settings, strict=True):
                _ratio_panel(ax, report.means, benchmark, setting, static, dynamic, marks)
            handles, labels = axes[0].get_legend_handles_labels()
            marks.legend(canvas.legend(handles, labels, loc="outside lower center", ncols=3))
            suffix = f", {model}" if report.findings.has_models else ""
            title = f"{benchmark.name}{suffix}: constant ratios and dynamic arms"
            text = (
                f"{metric_label(benchmark.metric)} by constant ratio "
                f"({', '.join(f'{r:.2g}: {a.label}' for r, a in static)}) with 95 % intervals, one panel "
                f"per setting; {', '.join(a.label for a in dynamic) or 'no dynamic arm'} as horizontal lines."
            )
            name = f"ratio_{slug(benchmark.name)}" + (f"_{slug(model)}" if report.findings.has_models else "")
            yield Figure(name, title, text, "ratio", canvas, RATIO, marks)


def _ratio_panel(
    ax: Any,
    means: Means,
    benchmark: Benchmark,
    setting: str,
    static: Sequence[tuple[float, Arm]],
    dynamic: Sequence[Arm],
    marks: Marks,
) -> None:
    found = [(ratio, arm, e) for ratio, arm in static if (e := means.of(arm, benchmark, setting)) is not None]
    spread = np.array(
        [(e.mean - e.low, e.high - e.mean) if e.low is not None and e.high is not None else (0, 0) for *_, e in found]
    ).T
    label = f"{setting} {metric_label(benchmark.metric)}"
    drawn = ax.errorbar(
        [ratio for ratio, *_ in found],
        [e.mean for *_, e in found],
        yerr=spread if len(found) else None,
        color=COLOURS[0],
        marker="o",
        capsize=2.5,
        label=CONSTANT,
        zorder=3,
    )
    marks.tag(drawn, CONSTANT)
    for ratio, arm, e in found:
        text = f"{arm.label}\n\N{GREEK SMALL LETTER ALPHA} {ratio:.3g}\n{label}: {said(e)}"
        marks.point(ax, ratio, e.mean, text, CONSTANT)
    for index, arm in enumerate(dynamic, start=1):
        e = means.of(arm, benchmark, setting)
        if e is None:
            continue
        looks = look(index)
        dash = ("--", ":", "-.", (0, (6, 2, 1, 2)))[index % 4]
        across: list[Any] = [ax.axhline(e.mean, color=looks["color"], linestyle=dash, label=arm.label)]
        if e.low is not None and e.high is not None and len(dynamic) <= 3:
            across.append(ax.axhspan(e.low, e.high, color=looks["color"], alpha=0.14, linewidth=0))
        marks.tag(across, arm.label)
        marks.line(ax, RATIOS_SHOWN, (e.mean, e.mean), f"{arm.label}\n{label}: {said(e)}", arm.label)
    ax.set_title(setting)
    ax.set_xlabel("\N{GREEK SMALL LETTER ALPHA} (share of monolingual batches)")
    ax.set_xlim(*RATIOS_SHOWN)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    if setting == benchmark.settings[0]:
        ax.set_ylabel(metric_label(benchmark.metric))
    score_axis(ax.yaxis)
