"""Gains over size: of all arms, for models or batches of several sizes; shown in the section `factors`."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.facts import Benchmark, Estimate
from analysis.findings.findings import Findings
from analysis.findings.growth import Growth
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import interval_cell, slug
from analysis.sections.frame import frame
from analysis.wording import interval, number, p_value, size

if TYPE_CHECKING:
    from analysis.render.figure import Figure
    from analysis.statistics.scaling import GainTrend

CAPTION = "Points: single runs. Bands: 95 % intervals of the fitted curves; those that leave the panel are wider still."


def trends(findings: Findings) -> Iterator[Table]:
    """Per kind of size: how the gain of each arm over the baseline changes, and what is left of it at the largest."""
    fits, problems = findings.growths
    for place, name in enumerate(dict.fromkeys(growth.size for growth in fits)):
        columns = [
            Column("benchmark", "Benchmark"),
            Column("setting", "Setting"),
            *([Column("within", "At")] if any(growth.within for growth in fits) else []),
            Column("arm", "Arm"),
            Column("baseline", "Against"),
            Column("change", "Change per factor of ten", "difference"),
            Column("p", "p", "p"),
            Column("gain", "Gain at the largest size", "difference"),
            Column("verdict", "There it is"),
            Column("interaction", "p (arms x size)", "p"),
        ]
        rows = []
        for growth in (growth for growth in fits if growth.size == name):
            for trend in growth.scaling.gains:
                where = [growth.benchmark.name, growth.setting, *[growth.within] * (len(columns) == 10)]
                change = interval_cell(trend.change, trend.change_interval)
                gain = interval_cell(trend.gain, trend.gain_interval)
                outcome = [change, trend.p, gain, trend.verdict, growth.scaling.interaction_p]
                rows.append([*where, trend.strategy, trend.baseline, *outcome])
        notes = [
            f"Least squares against the logarithm of {name}; the units are runs, paired by size and seed. "
            "p: no change with size; p (arms x size): all arms of a benchmark and setting have the same slope, the F "
            "test of the interaction of strategy and size. Brackets: 95 % intervals. Questions are taken as given: "
            "whether a difference holds for new ones is what the comparisons say.",
            *problems,
        ]
        table_name = "sizes" if place == 0 else f"sizes_{slug(name)}"
        yield make_table(table_name, f"Gains by {name}", columns, rows, notes)


def growth_sentences(findings: Findings, benchmark: Benchmark) -> Iterator[str]:
    """What becomes of the gain of the main arm over size on a benchmark, one sentence per kind of size."""
    fits, _ = findings.growths
    main, setting = findings.facts.main_comparison, benchmark.setting_of(findings.facts.objective)
    for growth in (one for one in fits if (one.benchmark.name, one.setting) == (benchmark.name, setting)):
        for trend in growth.scaling.gains:
            if not main or trend.strategy == main[0]:
                within = f"{growth.within}: " if growth.within else ""
                yield f"{within}{trend_sentence(trend, growth.size)}{_interaction(growth)}"


def trend_sentence(trend: "GainTrend", size_name: str) -> str:
    """What becomes of a gain over size."""
    # The verdicts of a report allow for new questions; this test does not, and must not sound as if it did.
    span = f"For these questions, from {size(trend.smallest)} to {size(trend.largest)} {size_name},"
    return f"{span} {_trend(trend)}; {_end(trend)}."


def _trend(trend: "GainTrend") -> str:
    name = f"the gain of {trend.strategy} over {trend.baseline}"
    if trend.change_interval is None or trend.p is None:
        return f"{name} changes by {number(trend.change, sign=True)} per factor of ten (too few runs for an interval)"
    change = f"{number(trend.change, sign=True)} {interval(trend.change_interval)}"
    known = f"{change} per factor of ten, {p_value(trend.p)}"
    return f"{name} {'shows no trend' if trend.direction == 'no trend' else trend.direction} ({known})"


def _end(trend: "GainTrend") -> str:
    where = f"at the largest size the fitted line puts it at {number(trend.gain, sign=True)}"
    if trend.gain_interval is None:
        return where
    outcome = "cannot be told from none" if trend.verdict == "not separable" else f"is {trend.verdict}"
    return f"{where} {interval(trend.gain_interval)}, which {outcome} (95 % intervals)"


def _interaction(growth: Growth) -> str:
    p = growth.scaling.interaction_p
    if p is None:
        return ""
    arms = len(growth.scaling.curves)
    return f" That all {arms} arms change alike with size (no interaction of strategy and size) has {p_value(p)}."


def size_curves(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the metric against size with the fitted curves and their 95 % bands, one panel per setting."""
    from analysis.render.figure import Figure

    fits, _ = findings.growths
    groups: dict[tuple[str, str, str], list[Growth]] = {}
    for growth in fits:
        groups.setdefault((growth.benchmark.name, growth.size, growth.within), []).append(growth)
    for (benchmark, size_name, within), own in groups.items():
        label = own[0].benchmark.measure.label
        title = f"{benchmark} by {size_name}{f', {within}' if within else ''}"
        name = slug(f"sizes {benchmark} {'' if size_name == fits[0].size else size_name} {within}")
        columns = [
            Column("setting", "Setting"),
            Column("arm", "Arm"),
            Column("size", size_name.capitalize(), "count"),
            Column("seed", "Seed", "count"),
            Column("value", label, "score"),
        ]
        rows = [[g.setting, run.strategy, run.size, run.seed, run.value] for g in own for run in g.runs]
        said = " ".join(trend_sentence(trend, size_name) for growth in own for trend in growth.scaling.gains)
        table = make_table(f"figure_{name}", title, columns, rows)
        yield Figure(
            name,
            title,
            f"{label} of every run by {size_name}, with fitted curves and 95 % bands. {said}",
            table,
            partial(_draw, table=table, growths=own, label=label),
            CAPTION,
        )


def _draw(palette: Any, table: Table, growths: Sequence[Growth], label: str) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, lines, points, rows, score_axis, series, tips

    names = list(growths[0].scaling.curves)
    looks = series(palette, names, columns=3)
    chosen = highlight("arm")
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(title=growths[0].size, format="~s", tickCount=4),
    )
    panels: list[Any] = []
    for growth in growths:
        scale = alt.Scale(domain=_ends(growth), nice=False)
        y = alt.Y("value:Q", axis=score_axis(None if panels else label), scale=scale)
        fitted = alt.Chart(alt.Data(values=list(_curve_rows(growth))))
        band = fitted.mark_area(clip=True).encode(
            x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"), color=looks["color"], opacity=emphasis(chosen, 0.13)
        )
        line = fitted.mark_line().encode(x, y, **lines(looks), opacity=emphasis(chosen))
        runs = (
            alt.Chart(rows())
            .transform_filter(alt.FieldEqualPredicate(field="setting", equal=growth.setting))
            .mark_point(size=30)
            .encode(x, y, **points(looks), opacity=emphasis(chosen), tooltip=tips(table))
        )
        panel = alt.layer(band, line, runs).properties(
            title=growth.setting, width=WIDTH / len(growths) - 40, height=250
        )
        panels.append(panel)
    return alt.hconcat(*panels, spacing=25).add_params(chosen)


def _ends(growth: Growth) -> list[float]:
    """Where the axis of the values begins and ends: bands of few sizes may be many times as wide as all runs."""
    runs = [Estimate(run.value, None, None, 1) for run in growth.runs]
    bands = [
        Estimate(float(value), float(low), float(high), 1)
        for curve in growth.scaling.curves.values()
        if curve.low is not None and curve.high is not None
        for value, low, high in zip(curve.fitted, curve.low, curve.high, strict=True)
    ]
    return list(frame([*runs, *bands], log=False))


def _curve_rows(growth: Growth) -> Iterator[dict[str, Any]]:
    for arm, curve in growth.scaling.curves.items():
        for index, (at, value) in enumerate(zip(curve.sizes, curve.fitted, strict=True)):
            row = {"arm": arm, "size": float(f"{at:.5g}"), "value": float(f"{value:.5g}")}
            if curve.low is not None and curve.high is not None:
                row |= {"low": float(f"{curve.low[index]:.5g}"), "high": float(f"{curve.high[index]:.5g}")}
            yield row
