"""Heat maps of query language against pool language."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap

from analysis.contents import Report
from analysis.figures.marks import Marks, said
from analysis.figures.style import Figure, new_canvas
from analysis.findings import Arm, Benchmark, Findings
from analysis.labels import metric_label
from analysis.pairing import compared_pairs
from analysis.render.table import Kind, format_value
from analysis.tables.results import languages, pair_mean

LARGEST_WITH_NUMBERS = 12

QUALITY = LinearSegmentedColormap.from_list("quality", ["#f4f8fb", "#7fb2d6", "#0a4f80", "#062c4a"])
DIFFERENCE = LinearSegmentedColormap.from_list("difference", ["#8f3a00", "#e0925c", "#fbfbfb", "#6aa9d6", "#0a4f80"])
"""Negative orange, positive blue, as verdicts are drawn."""

CAPTION = "Mean over seeds. The diagonal is the monolingual setting. Blue: better, orange: worse."


def heat_maps(report: Report) -> Iterator[Figure]:
    """Per benchmark: the first arm of the main comparison, and its difference from the second."""
    findings = report.findings
    pairs = compared_pairs(findings)
    if not pairs:
        return
    first, second = pairs[0]
    for benchmark in findings.benchmarks:
        names = languages(findings, benchmark)
        if "cross-lingual" not in benchmark.settings or len(names) < 2:
            continue
        one = _matrix(findings, benchmark, first, names)
        other = _matrix(findings, benchmark, second, names)
        if np.isnan(one).all():
            continue
        label = metric_label(benchmark.metric)
        size = min(6.5, 1.4 + 0.42 * len(names))
        canvas, axes = new_canvas(max(8.6, 2 * size), size + 0.6, 1, 2)
        difference = one - other
        limit = float(np.nanmax(np.abs(difference))) if np.isfinite(difference).any() else 1.0
        _draw(canvas, axes[0], one, names, f"{first.label} ({label})", QUALITY, _tenths(one), "score")
        _draw(
            canvas,
            axes[1],
            difference,
            names,
            f"minus {second.label}",
            DIFFERENCE,
            (-(limit or 1e-6), limit or 1e-6),
            "difference",
        )
        axes[0].set_ylabel("query language")
        marks = Marks()
        minus = f"{first.label} \N{MINUS SIGN} {second.label}"
        _mark(marks, axes[0], one, names, f"{first.label}\n{label}", "score")
        _mark(marks, axes[1], difference, names, f"{minus}\n{label}", "difference")
        text = (
            f"{benchmark.name}. Left: {label} of {first.label} for every query language (rows) and pool language "
            f"(columns). Right: the difference from {second.label}, between {np.nanmin(difference):+.3f} and "
            f"{np.nanmax(difference):+.3f}."
        )
        name = "pairs_" + "".join(c if c.isalnum() else "_" for c in benchmark.name.lower())
        yield Figure(name, f"{benchmark.name}: language pairs", text, "languages", canvas, CAPTION, marks)


def _matrix(findings: Findings, benchmark: Benchmark, arm: Arm, names: list[str]) -> np.ndarray[Any, Any]:
    cells = [[pair_mean(arm, benchmark, query, pool) for pool in names] for query in names]
    return np.array([[np.nan if value is None else value for value in row] for row in cells])


def _mark(marks: Marks, ax: Any, values: Any, names: list[str], what: str, kind: Kind) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            query, pool = names[row], names[column]
            text = f"query {query}, pool {pool}\n{what}: {said(value, kind)}"
            marks.box(ax, (column, column + 1), (row, row + 1), text, f"{query} {pool}")


def _tenths(values: Any) -> tuple[float, float]:
    """The range of the values, widened to tenths."""
    return float(np.floor(np.nanmin(values) * 10) / 10), float(np.ceil(np.nanmax(values) * 10 + 1e-9) / 10)


def _draw(
    canvas: Any,
    ax: Any,
    values: Any,
    names: list[str],
    title: str,
    colours: Colormap,
    limits: tuple[float, float],
    kind: Any,
) -> None:
    mesh = ax.pcolormesh(values, cmap=colours, vmin=limits[0], vmax=limits[1], edgecolors="none", snap=True)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    centres = np.arange(len(names)) + 0.5
    ax.set_xticks(centres, names)
    ax.set_yticks(centres, names)
    ax.set_xlabel("pool language")
    ax.set_title(title)
    if len(names) <= LARGEST_WITH_NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = mesh.cmap(mesh.norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                text = (
                    format_value(float(round(value, 3)), "score")
                    if kind == "score"
                    else f"{round(1000 * value):+d}".replace("+0", "0")
                )
                ax.text(
                    column + 0.5,
                    row + 0.5,
                    text.replace("-", "\N{MINUS SIGN}"),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="#ffffff" if dark else "#000000",
                )
        if kind == "difference":
            ax.set_title(f"{title} (thousandths)")
    else:
        canvas.colorbar(mesh, ax=ax, shrink=0.8)
