"""Pareto fronts: trials and arms by two objectives at a time; figures of the section `pareto`."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm
from analysis.facts.facts import estimate
from analysis.facts.runs import Run
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.objectives import Axis, axes, dev_values, front_arms, scores, strategies
from analysis.statistics.pareto import Point, front

if TYPE_CHECKING:
    from analysis.render.figure import Figure

MOST_PANELS = 3
MOST_POINTS = 2_000
"""Trials that are drawn: those of the front, then others in order."""
KINDS = ("constant ratio", "changing ratio")

DEV = "One point per complete search trial. Circled: no other trial beats it in all objectives; these became arms."
TEST = "Means over seeds with 95 % intervals over seeds. Numbers: arms of the front; crosses: the strategies."


def fronts(findings: Findings) -> Iterator["Figure"]:
    """The dev values of the search, and per benchmark those of the front's arms and of the strategies."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    facts = findings.facts
    found = axes(facts)
    if not found:
        return
    names = " and ".join(one.label for one in found)
    trials = list(dev_values(facts, found).values())
    if trials:
        best = front([scores(found, point) for _, point in trials])
        table = _dev_table(trials, best, found)
        chosen = "; ".join(f"{trials[i][0].id} ({', '.join(f'{v:.4g}' for v in trials[i][1])})" for i in best)
        yield Figure(
            "pareto_dev",
            "The objectives in the search",
            f"{len(trials)} search trials by {names}; no trial beats these in all of them: {chosen}.",
            table,
            partial(_draw_dev, table=table, found=found),
            DEV + (f" Of {len(trials):,} trials {MOST_POINTS:,} are drawn." if len(trials) > MOST_POINTS else ""),
        )
    for benchmark in facts.benchmarks:
        arms = [*front_arms(facts), *strategies(facts)]
        if not any(arm.values(f"{benchmark.name}/{found[0].metric}") for arm in front_arms(facts)):
            continue
        shown = _test_table(arms, benchmark.name, found)
        yield Figure(
            f"pareto_{slug(benchmark.name)}",
            f"{benchmark.name}: the front with fresh seeds",
            f"{benchmark.name}: {names} of {', '.join(arm.label for arm in arms)}.",
            shown,
            partial(_draw_test, table=shown, found=found),
            TEST,
            [row | {"name": str(row["arm"]).removeprefix("front ")} for row in values(shown)],
        )


def _dev_table(trials: Sequence[tuple[Run, Point]], best: Sequence[int], found: Sequence[Axis]) -> Table:
    """The trials of the front first: they are what a reader asks about."""
    columns = [
        Column("trial", "Trial"),
        Column("kind", "Ratio"),
        Column("front", "Front"),
        *(one.column("dev") for one in found),
    ]
    chosen = set(best)
    others = (i for i in range(len(trials)) if i not in chosen)
    rows = []
    for i in [*best, *others]:
        run, point = trials[i]
        kind = KINDS[run.config.ratio.constant_value() is None]
        rows.append([run.id, kind, "yes" if i in chosen else "no", *point])
    return make_table("figure_pareto_dev", "The objectives in the search", columns, rows[:MOST_POINTS])


def _test_table(arms: Sequence[Arm], benchmark: str, found: Sequence[Axis]) -> Table:
    columns = [Column("arm", "Arm"), Column("group", "Group"), *(one.column("test") for one in found)]
    rows = []
    for arm in arms:
        cells = [estimate_cell(estimate(arm.values(f"{benchmark}/{one.metric}").values())) for one in found]
        rows.append([arm.label, "front" if arm.is_front else "strategy", *cells])
    return make_table(f"figure_pareto_{slug(benchmark)}", f"{benchmark}: the front with fresh seeds", columns, rows)


def _pairs(found: Sequence[Axis]) -> list[tuple[Axis, Axis]]:
    return list(combinations(found, 2))[:MOST_PANELS]


def _channels(pair: tuple[Axis, Axis], key: str) -> tuple[Any, Any]:
    import altair as alt

    from analysis.render.style import axis

    channels = []
    for one, channel in zip(pair, (alt.X, alt.Y), strict=True):
        column = one.column(key)
        title = column.label + " (lower is better)" * column.lower_is_better
        scale = alt.Scale(zero=False, reverse=column.lower_is_better)
        channels.append(channel(f"{column.key}:Q", axis=axis(column.kind, title, tickCount=6), scale=scale))
    return channels[0], channels[1]


def _draw_dev(palette: Any, table: Table, found: Sequence[Axis]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, rows, tips

    chosen = highlight("kind")
    pairs = _pairs(found)
    panels = []
    for pair in pairs:
        x, y = _channels(pair, "dev")
        colour = alt.Color(
            "kind:N", scale=alt.Scale(domain=list(KINDS), range=palette.series[:2]), legend=alt.Legend(title=None)
        )
        shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(KINDS), range=["circle", "square"]))
        trials = (
            alt.Chart()
            .mark_point(filled=True)
            .encode(x, y, color=colour, shape=shape, opacity=emphasis(chosen, 0.65), tooltip=tips(table))
        )
        best = alt.FieldEqualPredicate(field="front", equal="yes")
        circles = alt.Chart().transform_filter(best).mark_point(size=160, color=palette.ink).encode(x, y)
        panels.append(alt.layer(trials, circles).properties(width=WIDTH / len(pairs) - 70, height=280))
    return alt.hconcat(*panels, data=rows(), spacing=30).add_params(chosen)


def _draw_test(palette: Any, table: Table, found: Sequence[Axis]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, rows, tips

    pairs = _pairs(found)
    groups = alt.Scale(domain=["front", "strategy"], range=palette.series[:2])
    colour = alt.Color("group:N", scale=groups, legend=None)
    shape = alt.Shape("group:N", scale=alt.Scale(domain=["front", "strategy"], range=["circle", "cross"]), legend=None)
    panels = []
    for pair in pairs:
        x, y = _channels(pair, "test")
        keys = [one.column("test").key for one in pair]
        base = alt.Chart().encode(color=colour)
        across = base.mark_rule().encode(alt.X(f"{keys[0]}_low:Q"), alt.X2(f"{keys[0]}_high:Q"), y)
        up = base.mark_rule().encode(x, alt.Y(f"{keys[1]}_low:Q"), alt.Y2(f"{keys[1]}_high:Q"))
        marks = base.mark_point(filled=True).encode(x, y, shape=shape, tooltip=tips(table))
        names = base.mark_text(align="left", dx=7, dy=-7).encode(x, y, text="name:N")
        panels.append(alt.layer(across, up, marks, names).properties(width=WIDTH / len(pairs) - 70, height=280))
    return alt.hconcat(*panels, data=rows(), spacing=30)
