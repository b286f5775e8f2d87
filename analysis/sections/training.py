"""How training went: the ratio of every arm over its progress, and its learning curves; shown in `search`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.facts.arms import without_repeats
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table

if TYPE_CHECKING:
    from analysis.render.figure import Figure

ASKED = "\N{GREEK SMALL LETTER ALPHA} asked for"
DRAWN = "monolingual share so far"
COLUMNS = 3
"""Panels beside each other."""

SCHEDULES = "First seed of each arm."
LEARNING = "Mean over the seeds of each arm, at the steps that all of them reported."


def schedules(findings: Findings) -> Iterator["Figure"]:
    """The ratio of every arm over training progress, with the share of monolingual batches that were drawn.

    That of its first seed; where the search was repeated, of the first seed of each search.
    """
    from analysis.render.figure import Figure

    rows: list[list[Any]] = []
    first = [
        (arm.label_in(search), next(run for run in arm.runs if run.repetition == search))
        for arm in without_repeats(findings.facts.arms)
        for search in dict.fromkeys(run.repetition for run in arm.runs)
    ]
    for label, run in first:
        reports = [one for one in run.progress if one.steps]
        for series in (ASKED, DRAWN):
            found = [(one.step / one.steps, one.ratio if series == ASKED else one.mono_share) for one in reports]
            rows += [[label, series, progress, value] for progress, value in found if value is not None]
    if not rows:
        return
    columns = [
        Column("arm", "Arm"),
        Column("series", "Series"),
        Column("progress", "Progress", "share"),
        Column("value", "Value", "score"),
    ]
    table = make_table("figure_schedules", "The ratio over training", columns, rows)
    names = list(dict.fromkeys(row[0] for row in rows))
    text = (
        f"One panel per arm ({', '.join(names)}): the ratio asked for and the share of monolingual batches drawn so "
        "far, over training progress."
    )
    yield Figure(
        "schedules",
        "The ratio over training",
        text,
        table,
        partial(_draw_schedules, table=table, names=names),
        SCHEDULES,
    )


def _draw_schedules(palette: Any, table: Table, names: Sequence[str]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, rows, score_axis, share_axis, tips

    chosen = highlight("series")
    looks = alt.Scale(domain=[ASKED, DRAWN], range=palette.series[:2])
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=300)
    lines = (
        alt.Chart()
        .mark_line()
        .encode(
            alt.X("progress:Q", axis=share_axis(None, values=[0, 0.5, 1]), scale=alt.Scale(domain=[0, 1])),
            alt.Y(
                "value:Q", axis=score_axis(None, values=[0, 0.5, 1]), scale=alt.Scale(domain=[-0.05, 1.05], nice=False)
            ),
            color=alt.Color("series:N", scale=looks, legend=legend),
            strokeDash=alt.StrokeDash(
                "series:N", scale=alt.Scale(domain=[ASKED, DRAWN], range=[[1, 0], [4, 2]]), legend=legend
            ),
            opacity=emphasis(chosen),
            tooltip=tips(table),
        )
        .properties(width=WIDTH / COLUMNS - 35, height=90)
        .add_params(chosen)
    )
    header = alt.Header(labelLimit=WIDTH / COLUMNS - 30, labelFontSize=11, labelAnchor="start")
    return lines.facet(
        alt.Facet("arm:N", sort=list(names), title=None, header=header), columns=COLUMNS, data=rows(), spacing=14
    )


def learning_curves(findings: Findings) -> Iterator["Figure"]:
    """Dev metric and training loss of every arm by step, mean over seeds."""
    objective = findings.facts.objective.metric
    panels = {f"dev {objective}": "score", "training loss": "number"}
    rows: list[list[Any]] = []
    for arm in without_repeats(findings.facts.arms):
        progress = [run.progress for run in arm.runs]
        dev = mean_by_step([[(one.step, (one.dev or {}).get(objective)) for one in run] for run in progress])
        loss = mean_by_step([[(one.step, one.loss) for one in run] for run in progress])
        for panel, curve in zip(panels, (dev, loss), strict=True):
            rows += [[arm.label, panel, step, value] for step, value in curve]
    yield from curve_figure("learning_curves", "Learning curves", rows, panels, LEARNING)


def curve_figure(
    key: str, title: str, rows: list[list[Any]], panels: Mapping[str, str], note: str
) -> Iterator["Figure"]:
    """Lines by step: `rows` of arm, panel, step, value; `panels` with the kind of their values. None without a line."""
    from analysis.render.figure import Figure

    shown = [panel for panel in panels if len({row[2] for row in rows if row[1] == panel}) > 1]
    if not shown:
        return
    columns = [
        Column("arm", "Arm"),
        Column("panel", "Measure"),
        Column("step", "Step", "count"),
        Column("value", "Mean", "number"),
    ]
    table = make_table(f"figure_{key}", title, columns, rows)
    names = list(dict.fromkeys(row[0] for row in rows))
    yield Figure(
        key,
        title,
        f"Lines by optimiser step, one per arm, mean over seeds: {' and '.join(shown)}.",
        table,
        partial(draw_curves, table=table, panels={panel: panels[panel] for panel in shown}, names=names),
        note,
    )


def mean_by_step(runs: Sequence[Sequence[tuple[int, float | None]]]) -> list[tuple[int, float]]:
    """Mean over the runs at the steps that every run reported."""
    by_run = [{step: value for step, value in run if value is not None} for run in runs]
    by_run = [run for run in by_run if run]
    steps = sorted(set.intersection(*map(set, by_run))) if by_run else []
    return [(step, float(np.mean([run[step] for run in by_run]))) for step in steps]


def draw_curves(palette: Any, table: Table, panels: dict[str, str], names: Sequence[str]) -> Any:
    """Lines by step, one per arm, with a panel for each measure and its unit."""
    import altair as alt

    from analysis.render.style import WIDTH, axis, emphasis, highlight, rows, series, tips

    chosen = highlight("arm")
    looks = series(palette, names, columns=3)
    drawn = []
    for panel, unit in panels.items():
        own = alt.Chart().transform_filter(alt.FieldEqualPredicate(field="panel", equal=panel))
        x = alt.X("step:Q", axis=alt.Axis(title="optimiser step", tickCount=5))
        y = alt.Y("value:Q", axis=axis(unit), scale=alt.Scale(zero=False))
        opacity = emphasis(chosen)
        line = own.mark_line(strokeWidth=1.4).encode(
            x, y, color=looks["color"], strokeDash=looks["strokeDash"], opacity=opacity
        )
        marks = own.mark_point(size=25).encode(
            x, y, color=looks["color"], fill=looks["fill"], shape=looks["shape"], opacity=opacity, tooltip=tips(table)
        )
        drawn.append(alt.layer(line, marks).properties(title=panel, width=WIDTH / len(panels) - 40, height=260))
    return alt.hconcat(*drawn, data=rows(), spacing=30).add_params(chosen)
