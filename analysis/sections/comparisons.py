"""Comparisons: which differences would hold for new seeds and new questions."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.findings.comparisons import Comparisons, Family, Judged, families, pairs_of
from analysis.findings.findings import Findings
from analysis.findings.levels import Interaction, LevelEffect
from analysis.render.table import Cell, Column, Kind, Table, make_table
from analysis.sections.answer import answer
from analysis.sections.cells import difference_kind, interval_cell, slug
from analysis.sections.questions import questions
from analysis.sections.rivals import rivals
from analysis.sections.section import Section
from analysis.wording import DOUBTS, OBSTACLES, beside_looks, capital, count

if TYPE_CHECKING:
    from analysis.render.figure import Figure

DETECTABLE = "Detectable"
DETECTABLE_NOTE = (
    f"{DETECTABLE}: the true difference that another study like this one finds in 4 of 5 cases; in brackets between "
    "which values it would lie if the spread of the seeds were known."
)

PICTURE = "main_comparison"
"""The figure that stands beside the answer."""
MOST_PLACES = 12
"""Rows of it; of more only the question's own are drawn."""
_PICTURE_WIDTH = 240

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
    """One row per comparison: difference with interval, verdict, p values, what could have been found, doubts."""
    columns = [
        Column("arm", "Arm"),
        Column("baseline", "Against"),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (family)", "p"),
        Column("p_equivalence", "p equivalent", "p"),
        Column("detectable", DETECTABLE, "size"),
        Column("p_randomisation", "p (randomisation)", "p"),
        Column("p_ranks", "p (ranks)", "p"),
        Column("doubts", "Doubts"),
        Column(
            "seeds", "Searches" if any(j.comparison.unit == "search" for j in compared.judged) else "Seeds", "count"
        ),
        Column("questions", "Questions", "count"),
        Column("family", "Family"),
        Column("family_size", "Comparisons in it", "count"),
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
        found.p_randomisation,
        found.p_ranks,
        ", ".join([*found.doubts, *(["no fair sample"] if judged.withheld else [])]),
        found.n_seeds,
        found.n_questions,
        judged.family,
        found.n_comparisons,
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
        Column("p", "p", "p"),
        *([Column("detectable", DETECTABLE, "size")] if _any_detectable(compared.main) else []),
    ]
    rows = []
    for judged in compared.main:
        # Several pairs are those of several cells, or of studies that were not put together.
        at = [", ".join(part for part in judged.first.group if part)] * (len(pairs) > 1)
        cells: list[Any] = [difference_cell(judged), judged.verdict, p_cell(judged), detectable_cell(judged)]
        rows.append([judged.place.benchmark, judged.place.setting, *at, *cells][: len(columns)])
    title = capital("; ".join(names) or "no main comparison")
    found = [DETECTABLE_NOTE] * (columns[-1].key == "detectable") + _decided(compared)
    return make_table("main_comparison", title, columns, rows, found)


def _any_detectable(judged: Sequence[Judged]) -> bool:
    return any(j.comparison.detectable is not None for j in judged)


def difference_cell(judged: Judged) -> Cell:
    """The difference with its interval."""
    found = judged.comparison
    return interval_cell(found.difference, found.interval, difference_kind(judged.place.measure))


def detectable_cell(judged: Judged) -> Cell:
    """The smallest difference that would be found, with the interval that few seeds leave it."""
    kind: Kind | None = "rank" if judged.place.measure.unit == "ranks" else None
    found = judged.comparison.detectable
    return Cell(None, kind=kind) if found is None else Cell(found.size, found.low, found.high, kind=kind)


def p_cell(judged: Judged) -> Cell:
    """The p value in its family; a sequential decision has none, since its level is not 5 %."""
    return Cell(judged.comparison.p_adjusted, remark="sequential" if judged.comparison.sequential else "")


def notes(compared: Comparisons, together: str = "") -> list[str]:
    """How the comparisons were made; `together` names those that share an error rate (default: by family)."""
    if not compared.judged:
        return []
    if not compared.tested:
        return [f"No interval and no test: {OBSTACLES[compared.judged[0].comparison.obstacle]}."]
    together = together or _together(compared)
    found = [
        *_decided(compared),
        "Difference: arm minus the other on the same questions (all translations of a question are one unit) and the "
        f"same seeds, with 95 % intervals that hold together {together}. The interval decides: better or worse if it "
        f"excludes 0, equivalent if it lies within \N{PLUS-MINUS SIGN}{compared.margin:g}. p: the least error rate of "
        "the family at which it would exclude 0. Rank distance has no margin, and lower is better. What is too rare to "
        "have occurred in these seeds and questions is in no interval.",
    ]
    if _any_detectable(compared.judged):
        found.append(DETECTABLE_NOTE)
    if any(judged.comparison.unit == "search" for judged in compared.judged):
        found.append(
            "The search was repeated: a search with its seeds is one unit, as a seed is elsewhere, so that the "
            "intervals hold for new searches, too."
        )
    raised = {doubt for judged in compared.judged for doubt in judged.comparison.doubts}
    found += [f"Doubt, {doubt}: {meaning}" for doubt, meaning in DOUBTS.items() if doubt in raised]
    return [*found, *withheld_notes(compared.judged)]


def withheld_notes(found: Iterable[Judged | Interaction | LevelEffect]) -> list[str]:
    """Why comparisons get no verdict, each reason once."""
    return list(dict.fromkeys(f"No verdict: {one.withheld}." for one in found if one.withheld))


def _together(compared: Comparisons) -> str:
    """The families of the report with their sizes."""
    meanings: dict[Family, str] = {
        "question": "the question itself",
        "elsewhere": "the same arms in other settings",
        "other": "all other differences between arms, whether shown or not",
    }
    sizes = families(compared.judged)
    return "within each family: " + "; ".join(f"{meanings[name]} ({size})" for name, size in sizes.items())


def _decided(compared: Comparisons) -> list[str]:
    """How the comparisons were decided that were looked at after every seed."""
    found = []
    for judged in compared.main:
        one, rule = judged.comparison, judged.comparison.sequential
        if rule is None:
            continue
        looks = f"{count(len(rule.looks), 'look')} ({', '.join(map(str, rule.looks))} seeds)"
        more = ""
        if (seeds := min(len(arm.whole.seeds) for arm in (judged.first, judged.second))) > one.n_seeds:
            others = "the other settings" if judged.has_own_seeds else "the other numbers"
            more = f" The decision rests on the first {one.n_seeds} of the {seeds} seeds that {others} use."
        found.append(
            f"Sequential: {judged.place.benchmark}, {judged.place.setting} was decided at {looks} of at most "
            f"{rule.max_seeds}; p = {one.p:.2g} of a t test, where this look may use {rule.level:.2g} (Lan and DeMets "
            "1983). Its interval covers at all looks together (Jennison and Turnbull 1989); margin "
            f"\N{PLUS-MINUS SIGN}{one.margin:g}. It is a family of its own. {beside_looks(judged)}{more}"
        )
    return found


def picture(findings: Findings) -> Iterator["Figure"]:
    """The answer: the difference of the main comparison with its interval, the question's own place first."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    table = main_comparison(findings.comparisons)
    several = len(findings.facts.benchmarks) > 1
    rows = []
    for judged, row in zip(findings.comparisons.main, values(table), strict=True):
        parts = (row["benchmark"] if several else "", row["setting"], row.get("at", ""))
        label = ", ".join(part for part in parts if part)
        rows.append(row | {"place": label, "is_question": judged.family == "question"})
    rows.sort(key=lambda row: not row["is_question"])
    if len(rows) > MOST_PLACES:
        rows = [row for row in rows if row["is_question"]][:MOST_PLACES]
    said = "; ".join(f"{row['place']}: {row['difference_text']}, {row['verdict']}" for row in rows)
    yield Figure(
        PICTURE,
        table.title,
        f"Differences with 95 % intervals. {said}.",
        table,
        partial(_draw_picture, drawn=rows, margin=findings.margin),
        "Difference with its 95 % interval; grey: too small to matter.",
        rows,
    )


def _draw_picture(palette: Any, drawn: Sequence[dict[str, Any]], margin: float) -> Any:
    import altair as alt

    from analysis.render.style import axis, once, rows

    looks = {name: look for name, look in LOOKS.items() if any(row["verdict"] == name for row in drawn)}
    colours = [palette.muted if index is None else palette.series[index] for index, _, _ in looks.values()]
    colour = alt.Color("verdict:N", scale=alt.Scale(domain=list(looks), range=colours), legend=None)
    places = list(dict.fromkeys(row["place"] for row in drawn))
    base = alt.Chart().encode(alt.Y("place:N", sort=places, title=None))
    x = alt.X("difference:Q", axis=axis("difference", "difference", tickCount=4), scale=alt.Scale(padding=8))
    band = once().mark_rect(color=palette.line, opacity=0.6).encode(x=alt.datum(-margin), x2=alt.datum(margin))
    zero = once().mark_rule(strokeWidth=0.8).encode(x=alt.datum(0))
    bars = base.mark_rule(strokeWidth=1.4).encode(x=alt.X("difference_low:Q"), x2="difference_high:Q", color=colour)
    marks = base.mark_point(filled=True, size=80).encode(x, color=colour)
    said = base.mark_text(align="left", dx=6).encode(alt.XValue(_PICTURE_WIDTH), text="verdict:N", color=colour)
    return alt.layer(band, zero, bars, marks, said, data=rows()).properties(
        width=_PICTURE_WIDTH, height=24 * len(places)
    )


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
    figures=lambda findings: [*picture(findings), *forest(findings), *questions(findings)],
    sentences=lambda findings: [*answer(findings), *rivals(findings)],
)
