"""What happened in training: the ratio, the learning curves, where the time went."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from analysis.contents import Report
from analysis.figures.marks import Marks, said, stops
from analysis.figures.style import COLOURS, INK, MUTED, Figure, look, new_canvas, score_axis
from analysis.findings import Arm
from analysis.pairing import training
from analysis.render.table import Kind

PARTS = (
    ("train_seconds", "train"),
    ("signal_seconds", "signal"),
    ("encode_seconds", "encode"),
    ("score_seconds", "score"),
    ("wait_seconds", "wait"),
)
ASKED = "\N{GREEK SMALL LETTER ALPHA} asked for"
DRAWN = "monolingual share so far"
STOPS_OF_A_SCHEDULE = 6
HATCHES = ("", "////", "....", "\\\\\\\\", "xx")

SCHEDULES = "First seed of each arm."
LEARNING = "Mean over the seeds of each arm, at the steps that all of them reported."


def distinct(arms: Sequence[Arm]) -> list[Arm]:
    """The arms without those that repeat another one's training."""
    return list({training(arm): arm for arm in reversed(arms)}.values())[::-1]


def schedules(report: Report) -> Iterator[Figure]:
    """The ratio of every arm over training progress, with the share of monolingual batches that were drawn."""
    drawn = []
    for arm in distinct(report.findings.arms):
        reports = [r for r in arm.trials[0].reports() if r.get("ratio") is not None and r.get("steps")]
        if reports:
            drawn.append((arm, reports))
    if not drawn:
        return
    columns = min(4, len(drawn))
    rows = -(-len(drawn) // columns)
    canvas, axes = new_canvas(8.6, 0.5 + 1.55 * rows, rows, columns, sharex=True, sharey=True)
    marks = Marks()
    for ax, (arm, reports) in zip(axes, drawn, strict=False):
        progress = [r["step"] / r["steps"] for r in reports]
        ratio = [float(r["ratio"]) for r in reports]
        lines = [(ASKED, ratio, ax.plot(progress, ratio, color=COLOURS[0], label=ASKED))]
        share = [float(r["mono_share"]) for r in reports if r.get("mono_share") is not None]
        if len(share) == len(progress):
            drawn_share = ax.plot(progress, share, color=COLOURS[1], linestyle=(0, (4, 2)), label=DRAWN)
            lines.append((DRAWN, share, drawn_share))
        for what, values, line in lines:
            marks.tag(line, arm.label, what)
            for i in stops(len(progress), STOPS_OF_A_SCHEDULE):
                text = f"{arm.label}\n{100 * progress[i]:.0f} % of the steps\n{what}: {said(values[i])}"
                marks.point(ax, progress[i], values[i], text, arm.label, what)
        marks.tag(ax.set_title(_shorten(arm.label, 26), fontsize=8.5), arm.label)
        ax.set_ylim(-0.06, 1.06)
        ax.set_xlim(0, 1)
        ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        ax.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    for ax in axes[len(drawn) :]:
        ax.set_visible(False)
    # The lowest panel of every column carries the labels, also where the last row is not full.
    for ax in axes[max(0, len(drawn) - columns) : len(drawn)]:
        ax.tick_params(labelbottom=True)
    canvas.supxlabel("training progress (share of the steps)", fontsize=9)
    canvas.supylabel("\N{GREEK SMALL LETTER ALPHA}", fontsize=10)
    handles, labels = axes[0].get_legend_handles_labels()
    marks.legend(canvas.legend(handles, labels, loc="outside upper left", ncols=2))
    names = ", ".join(arm.label for arm, _ in drawn)
    text = (
        f"One panel per arm ({names}): the ratio asked for and the share of monolingual batches drawn so far, "
        "over training progress."
    )
    yield Figure("schedules", "The ratio over training", text, "search", canvas, SCHEDULES, marks)


def learning_curves(report: Report) -> Iterator[Figure]:
    """Dev metric and training loss of every arm by step, mean over seeds."""
    objective, _ = report.findings.objective
    curves = []
    for arm in distinct(report.findings.arms):
        reports = [trial.reports() for trial in arm.trials]
        dev = _mean_by_step([[(r["step"], (r.get("dev") or {}).get(objective)) for r in run] for run in reports])
        loss = _mean_by_step([[(r["step"], r.get("loss")) for r in run] for run in reports])
        curves.append((arm.label, (dev, loss)))
    panels = [
        (index, label)
        for index, label in enumerate((f"dev {objective}", "training loss"))
        if any(len(lines[index][0]) > 1 for _, lines in curves)
    ]
    if not panels:
        return
    canvas, axes = new_canvas(8.6, 3.7, 1, len(panels))
    marks = Marks()
    for ax, (index, label) in zip(axes, panels, strict=True):
        for number, (arm_label, lines) in enumerate(curves):
            steps, values = lines[index]
            if len(steps):
                every = max(1, len(steps) // 6)
                line = ax.plot(steps, values, label=arm_label, markevery=every, markersize=4, **look(number))
                marks.tag(line, arm_label)
                kind: Kind = "score" if index == 0 else "number"
                marks.line(ax, steps, values, f"{arm_label}\n{label}", arm_label)
                for i in stops(len(steps)):
                    text = f"{arm_label}\nstep {steps[i]:,}\n{label}: {said(values[i], kind)}"
                    marks.point(ax, steps[i], values[i], text, arm_label)
        ax.set_xlabel("optimiser step")
        ax.set_title(label)
        if index == 0:
            score_axis(ax.yaxis)
    handles, labels = axes[0].get_legend_handles_labels()
    marks.legend(canvas.legend(handles, labels, loc="outside lower center", ncols=3))
    text = f"Lines by optimiser step, one per arm, mean over seeds: {' and '.join(label for _, label in panels)}."
    yield Figure("learning_curves", "Learning curves", text, "search", canvas, LEARNING, marks)


def _mean_by_step(runs: list[list[tuple[int, Any]]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean over the runs at the steps that every run reported."""
    by_run = [{step: float(value) for step, value in run if value is not None} for run in runs]
    by_run = [run for run in by_run if run]
    steps = sorted(set.intersection(*map(set, by_run))) if by_run else []
    return np.array(steps), np.array([np.mean([run[step] for run in by_run]) for step in steps])


def time_split(report: Report) -> Iterator[Figure]:
    """Seconds of a trial by what they were spent on, mean over seeds."""
    arms = [arm for arm in distinct(report.findings.arms) if arm.costs("total_seconds")]
    if not arms:
        return
    canvas, (ax,) = new_canvas(8.6, 1.0 + 0.3 * len(arms))
    marks = Marks()

    def mark(bars: Any, seconds: Any, label: str) -> None:
        for arm, bar, place, start, value in zip(arms, bars, places, left, seconds, strict=True):
            marks.tag(bar, arm.label, label)
            if value > 0:
                text = f"{arm.label}\n{label}: {said(value, 'seconds')} s"
                marks.box(ax, (start, start + value), (place - 0.31, place + 0.31), text, arm.label, label)

    left = np.zeros(len(arms))
    places = np.arange(len(arms))[::-1]
    for index, (name, label) in enumerate(PARTS):
        seconds = np.array([float(np.mean(arm.costs(name) or [0.0])) for arm in arms])
        if not seconds.any():
            continue
        bars = ax.barh(
            places,
            seconds,
            left=left,
            height=0.62,
            color=COLOURS[index],
            hatch=HATCHES[index],
            edgecolor="white",
            linewidth=0.4,
            label=label,
        )
        mark(bars, seconds, label)
        left += seconds
    total = np.array([float(np.mean(arm.costs("total_seconds"))) for arm in arms])
    rest = np.maximum(total - left, 0)
    if (rest > 0.005 * total).any():
        bars = ax.barh(
            places, rest, left=left, height=0.62, color="none", edgecolor=MUTED, linewidth=0.8, label="other"
        )
        mark(bars, rest, "other")
    ax.set_yticks(places, [_shorten(arm.label, 34) for arm in arms])
    for arm, tick, place, value in zip(arms, ax.get_yticklabels(), places, total, strict=True):
        number = ax.text(value, place, f" {value:,.0f} s", va="center", color=INK, fontsize=8.5)
        marks.tag(number, arm.label)
        marks.label(tick, f"{arm.label}\ntotal: {said(value, 'seconds')} s", arm.label)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("seconds per trial, mean over seeds")
    ax.margins(x=0.1)
    marks.legend(canvas.legend(loc="outside upper left", ncols=6))
    text = (
        "Stacked bars, one per arm: "
        + "; ".join(f"{a.label} {t:,.0f} s" for a, t in zip(arms, total, strict=True))
        + "."
    )
    yield Figure("time_split", "Where the time went", text, "cost", canvas, marks=marks)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
