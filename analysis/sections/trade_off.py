"""What an arm pays for one thing with another: two measures against each other, shown in the section `results`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import without_repeats
from analysis.facts.facts import Benchmark, Estimate, Place
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import estimate_cell, measure_kind, slug
from analysis.sections.frame import frame
from analysis.statistics.pareto import front

if TYPE_CHECKING:
    from analysis.render.figure import Figure

CAPTION = (
    "Up and to the right is better. The dotted line joins the arms that no other beats on both axes. "
    "Bars: 95 % intervals of the results; those that leave the panel are longer still."
)


def trade_offs(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: monolingual against cross-lingual quality, multilingual quality against language bias."""
    from analysis.render.figure import Figure

    for benchmark in findings.facts.benchmarks:
        pairs = _pairs(findings, benchmark)
        table = _table(findings, benchmark, list(dict.fromkeys(key for pair in pairs for key in pair)))
        if not pairs or len(table.rows) < 2:
            continue
        panels = [Panel(_side(table, x), _side(table, y), [str(row[0].value) for row in table.rows]) for x, y in pairs]
        found = "; ".join(
            f"no arm beats {', '.join(panel.front)} on both {panel.x.column.label} and {panel.y.column.label}"
            for panel in panels
        )
        yield Figure(
            f"trade_off_{slug(benchmark.name)}",
            f"{benchmark.name}: trade-offs",
            f"{benchmark.name}: mean over seeds with 95 % intervals; {found}.",
            table,
            partial(_draw, table=table, panels=panels),
            CAPTION,
        )


def _pairs(findings: Findings, benchmark: Benchmark) -> list[tuple[str, str]]:
    """The keys of the columns that are drawn against each other."""
    pairs = []
    if {"monolingual", "cross-lingual"} <= set(benchmark.settings):
        pairs.append(("monolingual", "cross_lingual"))
    pairs += [("multilingual", measure.name) for measure in benchmark.bias[:1]]
    return pairs


def _table(findings: Findings, benchmark: Benchmark, keys: Sequence[str]) -> Table:
    """The arms with the values of these columns, each a setting or a measure of bias."""
    label = benchmark.measure.label
    settings = {slug(setting): setting for setting in benchmark.settings}
    columns = [Column("arm", "Arm")]
    for key in keys:
        if key in settings:
            columns.append(Column(key, f"{settings[key]} {label}", "score"))
        else:
            about = findings.facts.measure(key)
            columns.append(Column(key, about.label, measure_kind(about), lower_is_better=about.lower_is_better))
    rows = []
    for arm in without_repeats(findings.facts.arms):
        # With the intervals that the results give them.
        found = [
            findings.means.of(arm, benchmark, settings[key])
            if key in settings
            else findings.means.at(arm, Place(benchmark.name, "multilingual", findings.facts.measure(key)))
            for key in keys
        ]
        if all(one is not None for one in found):
            rows.append([arm.label, *map(estimate_cell, found)])
    return make_table(f"figure_trade_off_{slug(benchmark.name)}", f"{benchmark.name}: trade-offs", columns, rows)


@dataclass(frozen=True)
class Side:
    """One axis: the column that it shows, with its values."""

    column: Column
    values: tuple[Estimate, ...]

    @property
    def scores(self) -> list[float]:
        """The values such that more is better."""
        return [-one.mean if self.column.lower_is_better else one.mean for one in self.values]

    @property
    def is_log(self) -> bool:
        """Whether ranks are so far apart that a logarithmic axis shows them better."""
        means = [one.mean for one in self.values]
        return self.column.kind == "rank" and min(means) > 0 and max(means) / min(means) > 4

    @property
    def ends(self) -> tuple[float, float]:
        """Where the axis begins and ends, the better end last."""
        low, high = frame(self.values, self.is_log)
        return (high, low) if self.column.lower_is_better else (low, high)


def _side(table: Table, key: str) -> Side:
    place = [column.key for column in table.columns].index(key)
    cells = [row[place] for row in table.rows]
    return Side(table.columns[place], tuple(Estimate(float(c.value or 0), c.low, c.high, 1) for c in cells))


@dataclass(frozen=True)
class Panel:
    """Two axes, and the names of what they show."""

    x: Side
    y: Side
    names: Sequence[str]

    @cached_property
    def front(self) -> list[str]:
        """The names of what nothing else beats on both axes."""
        return [self.names[index] for index in front(list(zip(self.x.scores, self.y.scores, strict=True)))]


def _draw(palette: Any, table: Table, panels: Sequence[Panel]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, axis, emphasis, highlight, points, rows, series, tips

    looks = series(palette, panels[0].names, columns=3)
    chosen = highlight("arm")
    base = alt.Chart().encode(opacity=emphasis(chosen))
    bars = alt.Chart().encode(color=looks["color"], opacity=emphasis(chosen, 0.5)).mark_rule(clip=True)

    def channel(of: Any, side: Side, end: str = "") -> Any:
        title = side.column.label + " (lower is better)" * side.column.lower_is_better
        scale = alt.Scale(domain=list(side.ends), type="log" if side.is_log else "linear", nice=False)
        return of(f"{side.column.key}{end}:Q", scale=scale, axis=axis(side.column.kind, title, tickCount=6))

    drawn = []
    for panel in panels:
        x, y = channel(alt.X, panel.x), channel(alt.Y, panel.y)
        keys = [side.column.key for side in (panel.x, panel.y)]
        across = bars.encode(channel(alt.X, panel.x, "_low"), alt.X2(f"{keys[0]}_high:Q"), y)
        up = bars.encode(x, channel(alt.Y, panel.y, "_low"), alt.Y2(f"{keys[1]}_high:Q"))
        edge = (
            alt.Chart()
            .transform_filter(alt.FieldOneOfPredicate(field="arm", oneOf=panel.front))
            .mark_line(color=palette.ink, strokeWidth=0.8, strokeDash=[2, 2])
            .encode(x, y, order=f"{keys[0]}:Q")
        )
        marks = base.mark_point().encode(x, y, **points(looks), tooltip=tips(table, "arm", *keys)).add_params(chosen)
        drawn.append(alt.layer(edge, across, up, marks).properties(width=WIDTH / len(panels) - 70, height=280))
    return alt.hconcat(*drawn, data=rows(), spacing=30)
