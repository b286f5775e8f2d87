"""The figures of a report, for the page (SVG) and for papers (SVG, PDF)."""

from collections.abc import Callable, Iterable

from analysis.contents import Report
from analysis.figures import languages, outcome, pareto, questions, ratio, search, training
from analysis.figures.style import Figure, style

__all__ = ["Figure", "report_figures"]

DRAWERS: tuple[Callable[[Report], Iterable[Figure]], ...] = (
    outcome.forest,
    outcome.size_curves,
    ratio.ratio_curve,
    outcome.trade_offs,
    questions.differences,
    pareto.pareto,
    languages.heat_maps,
    training.schedules,
    training.learning_curves,
    training.time_split,
    search.dev_curve,
    search.importance,
    search.parallel_coordinates,
)


def report_figures(report: Report) -> list[Figure]:
    """Draws every figure that the records allow."""
    with style():
        figures = [figure for draw in DRAWERS for figure in draw(report)]
        for figure in figures:
            figure.canvas.draw_without_rendering()
            # The layout is found once; otherwise every format would look for it again.
            figure.canvas.set_layout_engine("none")
    return figures
