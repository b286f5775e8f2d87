"""The main comparison question by question."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.contents import Report
from analysis.figures.marks import Marks, said, stops
from analysis.figures.style import COLOURS, MUTED, Figure, new_canvas, score_axis
from analysis.labels import metric_label, setting_label, slug

CAPTION = "Each step is one question, averaged over seeds and languages; above zero the first arm is better."


def differences(report: Report) -> Iterator[Figure]:
    """Per benchmark: the questions sorted by the difference between the two arms of the main comparison."""
    for benchmark in report.findings.benchmarks:
        judged = [j for j in report.comparisons.main if j.benchmark == benchmark.name]
        # One pair is drawn: with several models the first one.
        judged = [j for j in judged if (j.first, j.second) == (judged[0].first, judged[0].second)]
        if not judged:
            continue
        canvas, axes = new_canvas(8.6, 3.1, 1, len(judged), sharey=True)
        listed = []
        marks = Marks()
        for ax, j in zip(axes, judged, strict=True):
            one = report.queries.table(j.first, j.benchmark, j.setting, j.metric)
            other = report.queries.table(j.second, j.benchmark, j.setting, j.metric)
            if one is None or other is None:
                continue
            values = np.sort(one.minus(other).own_means)
            share = np.arange(1, len(values) + 1) / len(values)
            for colour, word, held in ((COLOURS[0], "better", values > 0), (COLOURS[1], "worse", values < 0)):
                area: dict[str, Any] = {"color": colour, "alpha": 0.75, "linewidth": 0}
                marks.tag(ax.fill_between(share, values, 0, where=held, step="pre", **area), word)
            ax.axhline(0, color=MUTED, linewidth=0.8)
            better, worse = float((values > 0).mean()), float((values < 0).mean())
            ax.set_title(j.setting)
            ax.text(
                0.02,
                0.96,
                f"better on {100 * better:.0f} %\nworse on {100 * worse:.0f} %",
                transform=ax.transAxes,
                va="top",
                fontsize=8.5,
            )
            for i in stops(len(values)):
                names = ["better"] if values[i] > 0 else ["worse"] if values[i] < 0 else []
                place = f"{j.setting}, question {i + 1} of {len(values)}, from worst to best"
                value = f"{metric_label(j.metric)}: {said(values[i], 'difference')}"
                text = f"{j.first.label} \N{MINUS SIGN} {j.second.label}\n{place}\n{value}"
                marks.point(ax, share[i], values[i], text, *names)
            ax.set_xlim(0, 1)
            ax.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
            ax.set_xlabel("share of the questions")
            score_axis(ax.yaxis)
            where = setting_label(j.benchmark, j.setting, j.metric)
            listed.append(f"{where}: better on {100 * better:.0f} %, worse on {100 * worse:.0f} % of the questions")
        first, second = judged[0].first.label, judged[0].second.label
        axes[0].set_ylabel(f"difference in {metric_label(benchmark.metric)}")
        title = f"{benchmark.name}: {first} \N{MINUS SIGN} {second}, question by question"
        text = f"Questions sorted by {first} minus {second}, mean over seeds and translations. {'; '.join(listed)}."
        yield Figure(f"questions_{slug(benchmark.name)}", title, text, "comparisons", canvas, CAPTION, marks)
