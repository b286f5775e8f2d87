"""Comparisons: which differences would hold for new seeds and new questions."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.findings.comparisons import Comparisons, Judged, pairs_of
from analysis.findings.findings import Findings
from analysis.render.table import Cell, Column, Kind, Table, make_table
from analysis.sections.answer import answer
from analysis.sections.cells import difference_kind, interval_cell, slug
from analysis.sections.questions import questions
from analysis.sections.section import Section
from analysis.wording import OBSTACLES, capital, count

if TYPE_CHECKING:
    from analysis.render.figure import Figure

FOREST = (
    "Arm minus arm, with 95 % intervals. Grey band: differences within the margin. The question's own pair is first."
)
LOOKS: dict[str, tuple[int | None, str, bool]] = {
    "better": (0, "circle", True),
    "worse": (1, "square", True),
    "equivalent": (2, "diamond", False),
    "not separable": (None, "circle", False),
    "single run": (None, "cross", False),
}
"""How a verdict is drawn: its colour (None: muted), its shape, whether it is filled."""


def comparisons(compared: Comparisons) -> Table:
    """One row per comparison: difference with interval, corrected p, verdict, what could have been found."""
    columns = [
        Column("arm", "Arm"),
        Column("baseline", "Against"),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (Holm)", "p"),
        Column("p_equivalence", "p equivalent", "p"),
        Column("detectable", "Detectable", "size"),
        Column("seeds", "Seeds", "count"),
        Column("questions", "Questions", "count"),
        Column("question", "The question"),
    ]
    rows = [_row(judged) for judged in compared.judged]
    return make_table("comparisons", "All comparisons", columns, rows, notes(compared), long=True)


def _row(judged: Judged) -> list[object]:
    found, about = judged.comparison, judged.place.measure
    return [
        judged.first.label,
        judged.second.label,
        judged.place.benchmark,
        judged.place.setting,
        about.label,
        difference_cell(judged),
        judged.verdict,
        p_cell(judged),
        found.p_equivalence,
        detectable_cell(judged),
        found.n_seeds,
        found.n_questions,
        judged.is_main,
    ]


def verdicts(compared: Comparisons) -> Table:
    """The verdicts at a glance: one row per pair of arms, one column per benchmark and setting."""
    places = list(dict.fromkeys(judged.place for judged in compared.judged))
    order = list(dict.fromkeys(place.benchmark for place in places))
    places.sort(key=lambda place: order.index(place.benchmark))
    columns = [Column("arm", "Arm"), Column("baseline", "Against")]
    for place in places:
        label = place.measure.label if place.measure.is_bias else place.setting.capitalize()
        key = slug(f"{place.benchmark} {place.setting} {place.measure.name}")
        columns.append(Column(key, label, "difference", group=place.benchmark))
    rows: dict[tuple[str, str], list[Any]] = {}
    for judged in compared.judged:
        names = judged.first.label, judged.second.label
        row = rows.setdefault(names, [*names, *[None] * len(places)])
        kind = difference_kind(judged.place.measure)
        row[2 + places.index(judged.place)] = Cell(judged.comparison.difference, kind=kind, remark=judged.verdict)
    return make_table("verdicts", "Verdicts", columns, list(rows.values()), notes(compared))


def main_comparison(compared: Comparisons) -> Table:
    """The question's own comparison only, short enough for a terminal."""
    pairs = pairs_of(compared.main)
    names = list(dict.fromkeys(f"{first.name} against {second.name}" for first, second in pairs))
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        *([Column("at", "At")] if len(pairs) > 1 else []),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (Holm)", "p"),
        Column("detectable", "Detectable", "size"),
    ]
    rows = []
    for judged in compared.main:
        # Several pairs are those of several cells, or of studies that were not put together.
        at = [", ".join(part for part in judged.first.group if part)] * (len(pairs) > 1)
        cells = [difference_cell(judged), judged.verdict, p_cell(judged), judged.comparison.smallest_detectable]
        rows.append([judged.place.benchmark, judged.place.setting, *at, *cells])
    title = capital("; ".join(names) or "no main comparison")
    return make_table("main_comparison", title, columns, rows, _decided(compared))


def difference_cell(judged: Judged) -> Cell:
    """The difference with its interval."""
    found = judged.comparison
    return interval_cell(found.difference, found.interval, difference_kind(judged.place.measure))


def detectable_cell(judged: Judged) -> Cell:
    """The smallest difference that would have been found."""
    kind: Kind | None = "rank" if judged.place.measure.unit == "ranks" else None
    return Cell(judged.comparison.smallest_detectable, kind=kind)


def p_cell(judged: Judged) -> Cell:
    """The corrected p value; a sequential decision has none, since its level is not 5 %."""
    return Cell(judged.comparison.p_holm, remark="sequential" if judged.comparison.sequential else "")


def notes(compared: Comparisons, families: str = "the question's own comparisons and within all others") -> list[str]:
    """How the comparisons were made; `families` names those that were corrected together."""
    if not compared.judged:
        return []
    if not compared.tested:
        return [f"No interval and no test: {OBSTACLES[compared.judged[0].comparison.obstacle]}."]
    return [
        *_decided(compared),
        "Difference: arm minus the other, paired by seed and question id (all translations of a question are one "
        "unit), with the 95 % interval of a two-level bootstrap over seeds and questions.",
        f"p: paired randomisation test with Holm's correction, within {families}. Equivalent: two one-sided tests "
        f"within \N{PLUS-MINUS SIGN}{compared.margin:g}. Detectable: the true difference that this design finds with "
        "80 % chance. Rank distance has no margin, and lower is better.",
    ]


def _decided(compared: Comparisons) -> list[str]:
    """How the comparisons were decided that were looked at after every seed."""
    found = []
    for judged in compared.main:
        one, rule = judged.comparison, judged.comparison.sequential
        if rule is None:
            continue
        looks = f"{count(len(rule.looks), 'look')} ({', '.join(map(str, rule.looks))} seeds)"
        more = ""
        if (seeds := min(len(judged.first.seeds), len(judged.second.seeds))) > one.n_seeds:
            more = f" The decision rests on the first {one.n_seeds} of the {seeds} seeds that the other numbers use."
        found.append(
            f"Sequential: {judged.place.benchmark}, {judged.place.setting} was decided at {looks} of at most "
            f"{rule.max_seeds}; p = {one.p:.2g} of a t test, where this look may use {rule.level:.2g} (Lan and DeMets "
            "1983). Its interval covers at all looks together (Jennison and Turnbull 1989); margin "
            f"\N{PLUS-MINUS SIGN}{one.margin:g}. It is a family of its own; the other comparisons do not allow for the "
            f"looks.{more}"
        )
    return found


def forest(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the difference of every compared pair with its interval, one panel per setting."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    table = comparisons(findings.comparisons)
    for benchmark in findings.facts.benchmarks:
        judged = [j for j in findings.comparisons.judged if j.place.benchmark == benchmark.name and j.is_quality]
        if not judged:
            continue
        found = "; ".join(f"{j.first.label} minus {j.second.label}, {j.place.setting}: {j.verdict}" for j in judged)
        label = benchmark.measure.label
        rows = [
            row | {"pair": f"{row['arm']} \N{MINUS SIGN} {row['baseline']}"}
            for row in values(table)
            if row["benchmark"] == benchmark.name and row["metric"] == label
        ]
        yield Figure(
            f"forest_{slug(benchmark.name)}",
            f"{benchmark.name}: differences between arms",
            f"{benchmark.name}: differences with 95 % intervals; the grey band is the equivalence margin. {found}.",
            table,
            partial(_draw_forest, table=table, drawn=rows, label=label, margin=findings.margin),
            FOREST,
            rows,
        )


def _draw_forest(palette: Any, table: Table, drawn: Sequence[dict[str, Any]], label: str, margin: float) -> Any:
    import altair as alt

    from analysis.render.style import ROW, WIDTH, emphasis, highlight, once, rows, score_axis, tips

    pairs = list(dict.fromkeys(row["pair"] for row in drawn))
    settings = list(dict.fromkeys(row["setting"] for row in drawn))
    looks = {name: look for name, look in LOOKS.items() if any(row["verdict"] == name for row in drawn)}
    colours = [palette.muted if index is None else palette.series[index] for index, _, _ in looks.values()]
    fills = [of if full else "transparent" for of, (_, _, full) in zip(colours, looks.values(), strict=True)]

    def by_verdict(channel: Any, values: list[str]) -> Any:
        scale = alt.Scale(domain=list(looks), range=values)
        return channel("verdict:N", scale=scale, legend=alt.Legend(title=None, orient="top"))

    chosen = highlight("verdict")
    colour = by_verdict(alt.Color, colours)
    y = alt.Y("pair:N", sort=pairs, title=None, axis=alt.Axis(labelLimit=330))
    base = alt.Chart().encode(y=y, color=colour, opacity=emphasis(chosen))
    band = once().mark_rect(color=palette.line, opacity=0.6).encode(x=alt.datum(-margin), x2=alt.datum(margin))
    zero = once().mark_rule(strokeWidth=0.8).encode(x=alt.datum(0))
    bars = base.mark_rule(strokeWidth=1.4).encode(alt.X("difference_low:Q"), alt.X2("difference_high:Q"))
    marks = (
        base.mark_point()
        .encode(
            alt.X(
                "difference:Q",
                axis=score_axis(f"difference in {label}", tickCount=4, grid=True),
                scale=alt.Scale(padding=8),
            ),
            fill=by_verdict(alt.Fill, fills),
            shape=by_verdict(alt.Shape, [shape for _, shape, _ in looks.values()]),
            tooltip=[alt.Tooltip("pair:N", title="Difference"), *tips(table, "setting", "difference", "verdict", "p")],
        )
        .add_params(chosen)
    )
    panel = alt.layer(band, zero, bars, marks).properties(width=(WIDTH - 240) / len(settings), height=ROW * len(pairs))
    return panel.facet(alt.Column("setting:N", sort=settings, title=None), data=rows()).resolve_scale(x="independent")


SECTION = Section(
    "comparisons",
    "Comparisons",
    "Which differences would hold for new seeds and new questions.",
    tables=lambda findings: [verdicts(findings.comparisons), comparisons(findings.comparisons)],
    figures=lambda findings: [*forest(findings), *questions(findings)],
    sentences=answer,
)
