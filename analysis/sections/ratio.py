"""Ratio: what a constant share of monolingual batches does, and where the dynamic arms stand beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Benchmark, Facts
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.section import Section

if TYPE_CHECKING:
    from analysis.render.figure import Figure

ALPHA = "\N{GREEK SMALL LETTER ALPHA}"
AXIS = f"{ALPHA} (share of monolingual batches)"
CONSTANT = "constant ratio"
TRIAL, BEST = "one search trial", "best of each ratio"
MOST_BANDS = 3
MOST_POINTS = 1_000
"""Search trials that are drawn: the best ones."""
DEV = f"Of the search trials the {MOST_POINTS:,} best ones are drawn."
RATIO = "Points: arms with a constant ratio, with their 95 % intervals. Lines across: arms whose ratio changes."


def ratio_trials(facts: Facts) -> Table:
    """The constant ratios that the search tried, with their dev value: the curve behind `best static`."""
    objective = facts.objective.metric
    columns = [
        Column("ratio", ALPHA, "number"),
        Column("learning_rate", "Learning rate", "number"),
        Column("value", f"Dev {objective}", "score"),
        Column("status", "Status"),
        Column("trial", "Trial"),
    ]
    rows = [
        [ratio, run.config.optimiser.learning_rate, run.dev(objective), run.status, run.id]
        for run in facts.search_runs()
        if (ratio := run.config.ratio.constant_value()) is not None
    ]
    rows.sort(key=lambda row: (row[0], row[4]))
    return make_table(
        "static_ratio", "Constant ratios tried in the search", columns, rows, ["One run each: no interval."], long=True
    )


def dev_curve(findings: Findings) -> Iterator["Figure"]:
    """The constant ratios that the search tried by their dev value."""
    from analysis.render.figure import Figure

    objective = findings.facts.objective
    table = ratio_trials(findings.facts)
    complete = [row for row in table.records() if row["status"] == "complete" and row["value"] is not None]
    if len({row["ratio"] for row in complete}) < 2:
        return
    choose = max if objective.maximised else min
    top = choose(complete, key=lambda row: float(row["value"] or 0))
    text = (
        f"{len(complete)} search trials at constant ratios by dev {objective.metric}, one run each; "
        f"the best is {top['value']:.3f} at ratio {top['ratio']:.3g}."
    )
    yield Figure(
        "dev_ratio",
        "Constant ratios in the search",
        text,
        table,
        partial(_draw_dev, table=table, objective=objective.metric),
        DEV if len(complete) > MOST_POINTS else "",
        _dev_points(table, objective.maximised),
    )


def _dev_points(table: Table, maximised: bool) -> list[dict[str, Any]]:
    """The complete trials, the best ones if they are many, and of each ratio the best one as a series of its own."""
    from analysis.render.style import values

    kept = [row for row in table.rows if row[3].value == "complete" and row[2].value is not None]
    ordered = sorted(kept, key=lambda row: float(row[2].value or 0), reverse=maximised)
    best = {row[0].value: row for row in reversed(ordered)}
    rows = values(replace(table, rows=tuple(ordered[:MOST_POINTS])))
    return [
        *({**row, "series": TRIAL} for row in rows),
        *({"ratio": ratio, "value": row[2].value, "series": BEST} for ratio, row in best.items()),
    ]


def _draw_dev(palette: Any, table: Table, objective: str) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, rows, score_axis, tips

    x = alt.X("ratio:Q", axis=score_axis(AXIS), scale=alt.Scale(domain=[-0.03, 1.03], nice=False))
    y = alt.Y("value:Q", axis=score_axis(f"dev {objective}"), scale=alt.Scale(zero=False))
    shown = alt.Scale(domain=[TRIAL, BEST], range=[palette.series[0], palette.ink])
    colour = alt.Color("series:N", scale=shown, legend=alt.Legend(title=None, orient="top"))

    def of(series: str) -> Any:
        return alt.Chart().transform_filter(alt.FieldEqualPredicate(field="series", equal=series))

    trials = of(TRIAL).mark_point(filled=True, opacity=0.7).encode(x, y, color=colour, tooltip=tips(table))
    best = of(BEST).mark_line(strokeWidth=1, strokeDash=[3, 2]).encode(x, y, color=colour)
    return alt.layer(best, trials, data=rows()).properties(width=WIDTH, height=240)


def ratio_curves(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the constant ratios as a curve with intervals, the dynamic arms as lines across."""
    from analysis.render.figure import Figure

    facts = findings.facts
    arms = without_repeats(facts.arms)
    # Apart from its study: whether studies were put together or not, one curve holds all of a cell.
    for cell in dict.fromkeys(arm.group[0] for arm in arms):
        held = [arm for arm in arms if arm.group[0] == cell]
        static = [(ratio, arm) for arm in held if (ratio := arm.constant_ratio) is not None]
        dynamic = [arm for arm in held if arm.role == "dynamic" and not arm.is_front]
        if len({ratio for ratio, _ in static}) < 2:
            continue
        static.sort(key=lambda pair: pair[0])
        for benchmark in facts.benchmarks:
            where = f"{benchmark.name}, {cell}" if facts.factors else benchmark.name
            listed = ", ".join(f"{ratio:.2g}: {arm.label}" for ratio, arm in static)
            text = (
                f"{benchmark.measure.label} by constant ratio ({listed}) with 95 % intervals, one panel per "
                f"setting; {', '.join(arm.label for arm in dynamic) or 'no dynamic arm'} as horizontal lines."
            )
            title = f"{where}: constant ratios and dynamic arms"
            table = _table(findings, benchmark, static, dynamic, f"figure_ratio_{slug(where)}", title)
            yield Figure(
                f"ratio_{slug(where)}",
                title,
                text,
                table,
                partial(_draw, table=table, benchmark=benchmark, dynamic=[arm.label for arm in dynamic]),
                RATIO,
            )


def _table(
    findings: Findings,
    benchmark: Benchmark,
    static: Sequence[tuple[float, Arm]],
    dynamic: Sequence[Arm],
    name: str,
    title: str,
) -> Table:
    columns = [
        Column("setting", "Setting"),
        Column("series", "Ratio"),
        Column("arm", "Arm"),
        Column("ratio", ALPHA, "number"),
        Column("value", benchmark.measure.label, "score"),
    ]
    shown: list[tuple[float | None, Arm]] = [*static, *((None, arm) for arm in dynamic)]
    rows = [
        [setting, CONSTANT if ratio is not None else arm.label, arm.label, ratio, estimate_cell(found)]
        for setting in benchmark.settings
        for ratio, arm in shown
        if (found := findings.means.of(arm, benchmark, setting)) is not None
    ]
    return make_table(name, title, columns, rows)


def _draw(palette: Any, table: Table, benchmark: Benchmark, dynamic: Sequence[str]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, lines, rows, score_axis, series, tips

    looks = lines(series(palette, [CONSTANT, *dynamic], "series", columns=3, symbolType="stroke", symbolSize=300))
    chosen = highlight("series")
    label = benchmark.measure.label
    x = alt.X("ratio:Q", axis=score_axis(AXIS, tickCount=5), scale=alt.Scale(domain=[-0.04, 1.04], nice=False))
    panels: list[Any] = []
    for setting in benchmark.settings:
        y = alt.Y("value:Q", axis=score_axis(None if panels else label), scale=alt.Scale(zero=False))
        own = alt.Chart().transform_filter(alt.FieldEqualPredicate(field="setting", equal=setting))
        constant = own.transform_filter(alt.FieldEqualPredicate(field="series", equal=CONSTANT))
        moving = own.transform_filter(alt.FieldOneOfPredicate(field="series", oneOf=list(dynamic)))
        tooltip = tips(table, "arm", "ratio", "value")
        opacity = emphasis(chosen)
        parts = [
            constant.mark_rule().encode(
                x, alt.Y("value_low:Q"), alt.Y2("value_high:Q"), color=looks["color"], opacity=opacity
            ),
            constant.mark_line().encode(x, y, **looks, opacity=opacity),
            moving.mark_rule(strokeWidth=1.6).encode(y, **looks, opacity=opacity, tooltip=tips(table, "arm", "value")),
            constant.mark_point(filled=True).encode(x, y, color=looks["color"], opacity=opacity, tooltip=tooltip),
        ]
        if len(dynamic) <= MOST_BANDS:
            band = moving.mark_rect().encode(
                alt.Y("value_low:Q"), alt.Y2("value_high:Q"), color=looks["color"], opacity=emphasis(chosen, 0.14)
            )
            parts.insert(0, band)
        panel = alt.layer(*parts).properties(title=setting, width=WIDTH / len(benchmark.settings) - 45, height=240)
        panels.append(panel)
    return alt.hconcat(*panels, data=rows(), spacing=20).add_params(chosen)


SECTION = Section(
    "ratio",
    "Ratio",
    "What a constant share of monolingual batches does, and where the dynamic arms stand beside it.",
    tables=lambda findings: [ratio_trials(findings.facts)],
    figures=lambda findings: [*ratio_curves(findings), *dev_curve(findings)],
)
