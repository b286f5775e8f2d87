"""Factors: the main comparison at every level of a factor, pooled over levels, and how it changes between them.

Where levels have a size, such as models of several sizes, the gains of all arms are followed over it.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import cell_key
from analysis.facts.facts import Facts, Place
from analysis.facts.metrics import metric_label
from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.findings.growth import Growth
from analysis.findings.levels import Interaction, Level, cell_pairs
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import interval_cell, slug
from analysis.sections.comparisons import difference_cell, p_cell
from analysis.sections.section import Section
from analysis.statistics.comparison import Verdict
from analysis.wording import count, listed, number, p_value, size

if TYPE_CHECKING:
    from analysis.render.figure import Figure
    from analysis.statistics.scaling import GainTrend

SIZES = "Points: single runs. Bands: 95 % intervals of the fitted curves."
CHANGES: dict[Verdict, str] = {"better": "larger", "worse": "smaller"}
"""What a verdict on the difference of two differences is called."""


# The tables.


def by_level(findings: Findings) -> Table:
    """The main comparison at every level of every factor and, last, over all of them."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("factor", "Factor"),
        Column("level", "Level"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (Holm)", "p"),
        Column("seeds", "Seeds", "count"),
    ]
    rows = []
    for place, held in _judged_levels(findings).items():
        for level, judged in held:
            cells = [difference_cell(judged), judged.verdict, p_cell(judged), judged.comparison.n_seeds]
            rows.append([place.benchmark, place.setting, level.factor, level.name, *cells])
    notes = []
    if rows:
        first, second = findings.facts.main_comparison
        notes = [
            f"{first} minus {second}. A row over several cells is the mean of their differences, over the seeds that "
            "all of them have; the levels are taken as given. All rows, and the cells themselves, are one family in "
            "Holm's correction."
        ]
    return make_table("levels", f"The main comparison by {_named(findings.facts)}", columns, rows, notes)


def _named(facts: Facts) -> str:
    return " and ".join(facts.factors) or "factor"


def _judged_levels(findings: Findings) -> dict[Place, list[tuple[Level, Judged]]]:
    """The comparisons of every level, by place; levels without values per question have none."""
    pairs = {(j.place, j.first.identity, j.second.identity): j for j in findings.comparisons.main}
    found: dict[Place, list[tuple[Level, Judged]]] = {}
    for place in dict.fromkeys(j.place for j in findings.comparisons.main):
        for level in findings.levels:
            first, second = level.pair
            judged = pairs.get((place, first.identity, second.identity))
            if judged is not None:
                found.setdefault(place, []).append((level, judged))
    return found


def changes(findings: Findings) -> Table:
    """The interaction of arm and factor: how the main difference changes from the first level to every other one."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("factor", "Factor"),
        Column("level", "Level"),
        Column("than", "Against"),
        Column("change", "Change of the difference", "difference"),
        Column("verdict", "There it is"),
        Column("p", "p (Holm)", "p"),
    ]
    rows = []
    for one in findings.interactions:
        found = one.comparison
        rows.append(
            [
                one.place.benchmark,
                one.place.setting,
                one.level.factor,
                one.level.name,
                one.than.name,
                interval_cell(found.difference, found.interval),
                CHANGES.get(found.verdict, found.verdict) if found.interval is not None else "single run",
                found.p_holm,
            ]
        )
    notes = [
        "The difference at a level minus the difference at the other one, paired by seed and question: intervals and "
        "tests hold for new seeds and new questions; Holm's correction within this table. Equivalent: the change is "
        f"within \N{PLUS-MINUS SIGN}{findings.margin:g}."
    ]
    return make_table("interaction", f"The interaction of arm and {_named(findings.facts)}", columns, rows, notes)


def cells(findings: Findings) -> Table:
    """The main difference in every cell of several factors: the last factor across, the others down."""
    facts = findings.facts
    *down, across = list(facts.factors) or [""]
    columns = [Column("benchmark", "Benchmark"), Column("setting", "Setting")]
    columns += [Column(slug(factor), factor.capitalize()) for factor in down]
    levels = facts.factors.get(across, ())
    columns += [Column(f"at_{slug(level)}", level, "difference", group=across) for level in levels]
    rows: dict[tuple[str, ...], list[Any]] = {}
    pairs, _ = cell_pairs(facts)
    known = {cell_key(first.cell) for first, _ in pairs} if down else set()
    for judged in findings.comparisons.main:
        if judged.first.parts or cell_key(judged.first.cell) not in known:
            continue
        cell = judged.first.cell
        where = (judged.place.benchmark, judged.place.setting, *(cell[factor] for factor in down))
        row = rows.setdefault(where, [*where, *[None] * len(levels)])
        found = judged.comparison
        low, high = found.interval or (None, None)
        row[len(where) + levels.index(cell[across])] = Cell(found.difference, low, high, remark=judged.verdict)
    return make_table("cells", f"The main difference by {_named(facts)}", columns, list(rows.values()))


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


# The sentences.


def sentences(findings: Findings) -> list[str]:
    """Whether the gain of the main arm survives at every level, and what becomes of it at larger sizes."""
    fits, problems = findings.growths
    _, unlike = cell_pairs(findings.facts)
    main = findings.facts.main_comparison
    setting = findings.facts.objective.metric.split("/")[0]
    grown = [
        f"{metric_label(growth.benchmark.metric)} of {growth.benchmark.name}, {growth.setting}"
        f"{f', {growth.within}' if growth.within else ''}: {trend_sentence(trend, growth.size)}{_interaction(growth)}"
        for growth in fits
        for trend in growth.scaling.gains
        if growth.setting == setting and trend.strategy == (main[0] if main else trend.strategy)
    ]
    survival = [
        sentence
        for place, held in _judged_levels(findings).items()
        if place.setting == setting
        for sentence in (*_by_level(place, held), *_change(findings, place))
    ]
    return [*survival, *(grown or ([] if survival else problems)), *([unlike] if unlike and not problems else [])]


def _by_level(place: Place, held: Sequence[tuple[Level, Judged]]) -> Iterator[str]:
    """At which levels of a factor the difference holds."""
    for factor in dict.fromkeys(level.factor for level, _ in held if level.factor):
        own = [(level.name, judged) for level, judged in held if level.factor == factor]
        first, second = own[0][1].first.name, own[0][1].second.name
        verdicts = dict.fromkeys(judged.verdict for _, judged in own)
        parts = [f"{verdict} at {listed([n for n, j in own if j.verdict == verdict])}" for verdict in verdicts]
        survived = sum(judged.verdict == "better" for _, judged in own)
        yield (
            f"By {factor}, on {place.label}, the gain of {first} over {second} is found at {survived} of "
            f"{count(len(own), 'level')}: {'; '.join(parts)}."
        )


def _change(findings: Findings, place: Place) -> Iterator[str]:
    """How the difference changes over the levels of a factor: from the first to the last one."""
    last: dict[str, Interaction] = {one.level.factor: one for one in findings.interactions if one.place == place}
    for factor, one in last.items():
        found = one.comparison
        if found.interval is None:
            continue
        low, high = (number(end, sign=True) for end in found.interval)
        said = {
            "better": "it rises",
            "worse": "it falls",
            "equivalent": f"it stays the same within {number(found.margin or 0.0)}",
        }.get(found.verdict, "no change can be told")
        yield (
            f"From {factor} {one.than.name} to {one.level.name} the difference changes by "
            f"{number(found.difference, sign=True)} (95 % interval {low} to {high}, {p_value(found.p_holm)}): {said}."
        )


def trend_sentence(trend: "GainTrend", size_name: str) -> str:
    """What becomes of a gain over size."""
    # The verdicts of a report allow for new questions; this test does not, and must not sound as if it did.
    span = f"For these questions, from {size(trend.smallest)} to {size(trend.largest)} {size_name},"
    return f"{span} {_trend(trend)}; {_end(trend)}."


def _trend(trend: "GainTrend") -> str:
    name = f"the gain of {trend.strategy} over {trend.baseline}"
    if trend.change_interval is None or trend.p is None:
        return f"{name} changes by {trend.change:+.4f} per factor of ten (too few runs for an interval)"
    low, high = trend.change_interval
    known = f"{trend.change:+.4f} per factor of ten, 95 % interval {low:+.4f} to {high:+.4f}, p = {trend.p:.3f}"
    return f"{name} {'shows no trend' if trend.direction == 'no trend' else trend.direction} ({known})"


def _end(trend: "GainTrend") -> str:
    where = f"at the largest size the fitted line puts it at {trend.gain:+.4f}"
    if trend.gain_interval is None:
        return where
    outcome = "cannot be told from none" if trend.verdict == "not separable" else f"is {trend.verdict}"
    low, high = trend.gain_interval
    return f"{where}, which {outcome} (95 % interval {low:+.4f} to {high:+.4f})"


def _interaction(growth: Growth) -> str:
    p = growth.scaling.interaction_p
    if p is None:
        return ""
    arms = len(growth.scaling.curves)
    said = "p < .001" if p < 0.001 else f"p = {p:.3f}"
    return f" That all {arms} arms change alike with size (no interaction of strategy and size) has {said}."


# The figures.


def size_curves(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the metric against size with the fitted curves and their 95 % bands, one panel per setting."""
    from analysis.render.figure import Figure

    fits, _ = findings.growths
    groups: dict[tuple[str, str, str], list[Growth]] = {}
    for growth in fits:
        groups.setdefault((growth.benchmark.name, growth.size, growth.within), []).append(growth)
    for (benchmark, size_name, within), own in groups.items():
        label = metric_label(own[0].benchmark.metric)
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
            SIZES,
        )


def _draw(palette: Any, table: Table, growths: Sequence[Growth], label: str) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, lines, points, rows, score_axis, series, tips

    names = list(growths[0].scaling.curves)
    looks = series(palette, names, columns=3)
    chosen = highlight("arm")
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(title=growths[0].size, format="~s", tickCount=4),
    )
    panels: list[Any] = []
    for growth in growths:
        y = alt.Y("value:Q", axis=score_axis(None if panels else label), scale=alt.Scale(zero=False))
        fitted = alt.Chart(alt.Data(values=list(_curve_rows(growth))))
        band = fitted.mark_area().encode(
            x, alt.Y("low:Q"), alt.Y2("high:Q"), color=looks["color"], opacity=emphasis(chosen, 0.13)
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


def _curve_rows(growth: Growth) -> Iterator[dict[str, Any]]:
    for arm, curve in growth.scaling.curves.items():
        for index, (at, value) in enumerate(zip(curve.sizes, curve.fitted, strict=True)):
            row = {"arm": arm, "size": float(f"{at:.5g}"), "value": float(f"{value:.5g}")}
            if curve.low is not None and curve.high is not None:
                row |= {"low": float(f"{curve.low[index]:.5g}"), "high": float(f"{curve.high[index]:.5g}")}
            yield row


SECTION = Section(
    "factors",
    "Factors",
    "Whether the differences between the arms hold at every level of a factor, such as every size of model.",
    tables=lambda findings: [by_level(findings), changes(findings), cells(findings), *trends(findings)],
    figures=size_curves,
    sentences=sentences,
)
