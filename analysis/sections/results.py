"""Results: what each arm reached, by benchmark and setting, and what it pays for one setting with another."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Benchmark, Estimate, estimate
from analysis.facts.metrics import RANK_DISTANCE, measure, metric_label
from analysis.findings.findings import Findings
from analysis.render.table import Column, Mark, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, estimate_cell, slug
from analysis.sections.section import Section
from analysis.statistics.pareto import front

if TYPE_CHECKING:
    from analysis.render.figure import Figure

TRADE_OFF = (
    "Up and to the right is better. The dotted line joins the arms that no other beats on both axes. "
    "Bars: 95 % intervals of the results (of rank distance: over seeds); those that leave the panel are longer still."
)


def results(findings: Findings, only: Benchmark | None = None) -> Table:
    """Arms x (benchmark, setting): mean with interval, the best of each column and group of arms in bold.

    A dagger marks the arms that the comparisons could not separate from the best.
    """
    facts, means, tied = findings.facts, findings.means, findings.comparisons.tied
    columns = [*arm_columns(facts), Column("seeds", "Seeds", "count")]
    metrics: list[str] = []
    estimates: dict[tuple[str, str], Estimate | None] = {}
    for benchmark in facts.benchmarks if only is None else (only,):
        group = f"{benchmark.name} ({metric_label(benchmark.metric)})"
        for setting in benchmark.settings:
            metrics.append(benchmark.column(setting))
            estimates |= {(arm.label, metrics[-1]): means.of(arm, benchmark, setting) for arm in facts.arms}
            columns.append(Column(slug(metrics[-1]), setting.capitalize(), "score", group=group))
    rows = []
    for arm in facts.arms:
        rivals = [other for other in facts.arms if other.group == arm.group]
        cells = []
        for metric in metrics:
            mark = _mark(arm, metric, rivals, estimates, (tied or {}).get(metric, ()))
            cells.append(estimate_cell(estimates[arm.label, metric], mark))
        rows.append([*arm_cells(facts, arm), len(arm.runs), *cells])
    notes = [means.note]
    parts = [*facts.factors, *["study"] * any(study for _, study in {a.group for a in facts.arms})]
    best = f"Bold: best of its column{' for each ' * bool(parts)}{' and '.join(parts)}."
    if tied is not None:
        notes.append(f"{best} \N{DAGGER}: not separable from the best (paired test, Holm).")
    elif facts.arms:
        notes.append(best)
    twins = [f"{arm.title} is {arm.record.same_as}" for arm in facts.arms if arm.record.same_as]
    if twins:
        notes.append(f"The same training under two names: {', '.join(dict.fromkeys(twins))}.")
    return make_table("results", "Results by arm", columns, rows, notes)


def _mark(
    arm: Arm,
    metric: str,
    rivals: list[Arm],
    estimates: Mapping[tuple[str, str], Estimate | None],
    tied: Collection[str],
) -> Mark:
    found = estimates[arm.label, metric]
    means = [e.mean for rival in rivals if (e := estimates[rival.label, metric]) is not None]
    if found is None or len(means) < 2:
        return ""
    if found.mean == max(means):
        return "best"
    return "tied" if arm.label in tied else ""


def trade_offs(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: monolingual against cross-lingual quality, multilingual quality against language bias."""
    from analysis.render.figure import Figure

    arms = without_repeats(findings.facts.arms)
    for benchmark in findings.facts.benchmarks:
        panels = _panels(findings, benchmark)
        columns = list(dict.fromkeys(column for panel in panels for column in panel))
        table = _trade_off_table(findings, benchmark, arms, columns)
        if not panels or len(table.rows) < 2:
            continue
        drawn = [Panel(table, x, y) for x, y in panels]
        listed = "; ".join(
            f"no arm beats {', '.join(panel.front)} on both {panel.x.label} and {panel.y.label}" for panel in drawn
        )
        yield Figure(
            f"trade_off_{slug(benchmark.name)}",
            f"{benchmark.name}: trade-offs",
            f"{benchmark.name}: mean over seeds with 95 % intervals; {listed}.",
            table,
            partial(_draw, table=table, panels=drawn),
            TRADE_OFF,
        )


def _panels(findings: Findings, benchmark: Benchmark) -> list[tuple[str, str]]:
    """The keys of the columns that are drawn against each other."""
    panels = []
    if {"monolingual", "cross-lingual"} <= set(benchmark.settings):
        panels.append(("monolingual", "cross_lingual"))
    if "multilingual" in benchmark.settings and benchmark.bias(RANK_DISTANCE) in findings.facts.metrics:
        panels.append(("multilingual", RANK_DISTANCE))
    return panels


def _trade_off_table(findings: Findings, benchmark: Benchmark, arms: Sequence[Arm], keys: Sequence[str]) -> Table:
    label = metric_label(benchmark.metric)
    settings = {slug(setting): setting for setting in benchmark.settings}
    columns = [Column("arm", "Arm")]
    for key in keys:
        if key in settings:
            columns.append(Column(key, f"{settings[key]} {label}", "score"))
        else:
            about = measure(key)
            columns.append(Column(key, about.label, about.unit, lower_is_better=about.lower_is_better))
    rows = []
    for arm in arms:
        # The mean with the interval that the results give it; rank distance has no bootstrap: over seeds.
        found = [
            findings.means.of(arm, benchmark, settings[key])
            if key in settings
            else estimate(arm.values(benchmark.bias(key)).values())
            for key in keys
        ]
        if all(one is not None for one in found):
            rows.append([arm.label, *map(estimate_cell, found)])
    return make_table(f"figure_trade_off_{slug(benchmark.name)}", f"{benchmark.name}: trade-offs", columns, rows)


class Panel:
    """Two columns of a table against each other: which rows no other beats, and how far the axes reach."""

    def __init__(self, table: Table, x: str, y: str) -> None:
        keys = [column.key for column in table.columns]
        self.places = keys.index(x), keys.index(y)
        self.x, self.y = (table.columns[place] for place in self.places)
        held = [[row[place].value for place in self.places] for row in table.rows]
        best = front([tuple(self._score(*pair) for pair in zip((self.x, self.y), row, strict=True)) for row in held])
        self.front = [str(table.rows[index][0].value) for index in best]
        estimates = [
            [Estimate(float(row[place].value or 0), row[place].low, row[place].high, 1) for row in table.rows]
            for place in self.places
        ]
        self.is_log = tuple(
            column.kind == "rank" and spans_decades(one)
            for column, one in zip((self.x, self.y), estimates, strict=True)
        )
        self.frames = tuple(frame(one, log) for one, log in zip(estimates, self.is_log, strict=True))

    @staticmethod
    def _score(column: Column, value: Any) -> float:
        return -float(value) if column.lower_is_better else float(value)


def spans_decades(shown: Sequence[Estimate]) -> bool:
    """Whether means are so far apart that a logarithmic axis shows them better."""
    means = [one.mean for one in shown]
    return min(means) > 0 and max(means) / min(means) > 4


def frame(shown: Sequence[Estimate], log: bool) -> tuple[float, float]:
    """The ends of an axis: bars get no more room on a side than two fifths of what the means take.

    Those of two seeds may be many times as long as all arms are apart.
    """

    def place(value: float) -> float:
        return value if not log else math.log(value) if value > 0 else -math.inf

    means = [place(one.mean) for one in shown]
    between = (max(means) - min(means)) or 0.1 * abs(means[0]) or 1.0
    ends = [place(one.mean if end is None else end) for one in shown for end in (one.low, one.high)]
    low = max(min(ends), min(means) - 0.4 * between) - 0.1 * between
    high = min(max(ends), max(means) + 0.4 * between) + 0.1 * between
    return (math.exp(low), math.exp(high)) if log else (low, high)


def _draw(palette: Any, table: Table, panels: Sequence[Panel]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, axis, emphasis, highlight, points, rows, series, tips

    names = [str(row[0].value) for row in table.rows]
    looks = series(palette, names, columns=3)
    chosen = highlight("arm")
    drawn = []
    for panel in panels:
        keys = [column.key for column in (panel.x, panel.y)]
        scales = []
        for column, ends, log in zip((panel.x, panel.y), panel.frames, panel.is_log, strict=True):
            domain = list(reversed(ends)) if column.lower_is_better else list(ends)
            scales.append(
                {
                    "scale": alt.Scale(domain=domain, type="log" if log else "linear", nice=False),
                    "axis": axis(
                        column.kind, f"{column.label}{' (lower is better)' * column.lower_is_better}", tickCount=6
                    ),
                }
            )
        base = alt.Chart().encode(opacity=emphasis(chosen))
        x, y = alt.X(f"{keys[0]}:Q", **scales[0]), alt.Y(f"{keys[1]}:Q", **scales[1])
        bars = base.encode(color=looks["color"], opacity=emphasis(chosen, 0.5))
        across = bars.mark_rule(clip=True).encode(
            alt.X(f"{keys[0]}_low:Q", **scales[0]), alt.X2(f"{keys[0]}_high:Q"), y
        )
        up = bars.mark_rule(clip=True).encode(x, alt.Y(f"{keys[1]}_low:Q", **scales[1]), alt.Y2(f"{keys[1]}_high:Q"))
        edge = (
            alt.Chart()
            .transform_filter(alt.FieldOneOfPredicate(field="arm", oneOf=panel.front))
            .mark_line(color=palette.ink, strokeWidth=0.8, strokeDash=[2, 2])
            .encode(x, y, order=f"{keys[0]}:Q")
        )
        marks = base.mark_point().encode(x, y, **points(looks), tooltip=tips(table, "arm", *keys)).add_params(chosen)
        drawn.append(alt.layer(edge, across, up, marks).properties(width=WIDTH / len(panels) - 70, height=280))
    return alt.hconcat(*drawn, data=rows(), spacing=30)


SECTION = Section(
    "results",
    "Results",
    "How well each arm retrieves, by benchmark and setting. Higher is better.",
    tables=lambda findings: [results(findings)],
    figures=trade_offs,
)
