"""Comparisons: which differences would hold for new seeds and new questions, and the answer to the study's question."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place, estimate
from analysis.facts.metrics import RANK_DISTANCE, metric_label
from analysis.findings.comparisons import Comparisons, Judged, pairs_of
from analysis.findings.findings import Findings
from analysis.findings.pairing import main_pairs
from analysis.render.table import Cell, Column, Kind, Table, format_value, make_table
from analysis.sections.cells import difference_kind, interval_cell, slug
from analysis.sections.section import Section
from analysis.wording import OBSTACLES, capital, count, judged_sentence

if TYPE_CHECKING:
    from analysis.render.figure import Figure

FOREST = (
    "Arm minus arm, with 95 % intervals. Grey band: differences within the margin. The question's own pair is first."
)
QUESTIONS = "Each step is one question, averaged over seeds and languages; above zero the first arm is better."
MOST_STEPS = 400
"""Steps of the figure of questions: more cannot be told apart."""

NO_ANSWER = "There is no answer yet: no arm has finished a run on the test benchmarks."

VERDICTS = ("better", "worse", "equivalent", "not separable", "single run")


# The tables.


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
    found, about = judged.comparison, judged.place.about
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
        label = place.about.label if place.measure == RANK_DISTANCE else place.setting.capitalize()
        key = slug(f"{place.benchmark} {place.setting} {place.measure}")
        columns.append(Column(key, label, "difference", group=place.benchmark))
    rows: dict[tuple[str, str], list[Any]] = {}
    for judged in compared.judged:
        names = judged.first.label, judged.second.label
        row = rows.setdefault(names, [*names, *[None] * len(places)])
        kind = difference_kind(judged.place.about)
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
    return interval_cell(found.difference, found.interval, difference_kind(judged.place.about))


def detectable_cell(judged: Judged) -> Cell:
    """The smallest difference that would have been found."""
    kind: Kind | None = "rank" if judged.place.about.unit == "rank" else None
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


# The answer.


def answer(findings: Findings) -> list[str]:
    """The answer to the study's question, as far as the records allow one."""
    facts = findings.facts
    if not facts.arms or not facts.benchmarks:
        return [NO_ANSWER]
    pairs = main_pairs(facts)
    if not pairs:
        return [_leader(facts)]
    # Over several cells the question is about all of them; what holds in which stands in the section on factors.
    pooled = [pair for pair in pairs_of(findings.comparisons.main) if pair[0].parts]
    parts = []
    for first, second in pooled[-1:] or pairs:
        if first.identity == second.identity:
            parts.append(f"{first.label} and {second.label} are the same training: there is nothing to tell apart.")
            continue
        judged = [j for j in findings.comparisons.main if j.first is first and j.second is second]
        parts += _verdicts(facts, judged) if judged else [_untested(facts, first, second)]
    return parts


def _verdicts(facts: Facts, judged: Sequence[Judged]) -> list[str]:
    setting = facts.objective.metric.split("/")[0]
    chosen = next((j for j in judged if j.place.setting == setting), judged[0])
    parts = [capital(judged_sentence(chosen))]
    if len(judged) > 1 and any(j.comparison.interval is not None for j in judged):
        counts = Counter(j.comparison.verdict for j in judged)
        tally = ", ".join(f"{verdict} on {number}" for verdict, number in counts.items())
        parts.append(f"Over the {len(judged)} benchmarks and settings: {tally}.")
    return parts


def _untested(facts: Facts, first: Arm, second: Arm) -> str:
    place, metric = _place_of_objective(facts)
    means = [estimate(arm.values(metric).values()) for arm in (first, second)]
    values = [format_value(None if mean is None else mean.mean, "score") for mean in means]
    return (
        f"{capital(first.label)} reaches {values[0]} and {second.label} {values[1]} on {place.label}, "
        "but without values per question for the same seeds the difference cannot be tested."
    )


def _leader(facts: Facts) -> str:
    place, metric = _place_of_objective(facts)
    found = [(e.mean, arm) for arm in facts.arms if (e := estimate(arm.values(metric).values()))]
    if not found:
        return NO_ANSWER
    mean, arm = max(found, key=lambda pair: pair[0])
    missing = " and ".join(facts.main_comparison)
    reason = (
        f"the arms that the question is about ({missing}) have not both finished" if missing else "no arms are named"
    )
    value = format_value(mean, "score")
    return f"There is no answer yet: {reason}; so far {arm.label} leads with {value} on {place.label}."


def _place_of_objective(facts: Facts) -> tuple[Place, str]:
    benchmark = facts.benchmarks[0]
    setting = benchmark.setting_of(facts.objective)
    return Place(benchmark.name, setting, benchmark.metric), benchmark.column(setting)


# The figures.


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
        label = metric_label(benchmark.metric)
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
    colours = (*palette.series[:3], palette.muted, palette.muted)
    shown = [name for name in VERDICTS if any(row["verdict"] == name for row in drawn)]
    looks = {
        name: (colour, shape)
        for name, colour, shape in zip(
            VERDICTS, colours, ("circle", "square", "diamond", "circle", "cross"), strict=True
        )
    }
    legend = alt.Legend(title=None, orient="top")
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=shown, range=[looks[name][0] for name in shown]), legend=legend
    )
    shape = alt.Shape(
        "verdict:N", scale=alt.Scale(domain=shown, range=[looks[name][1] for name in shown]), legend=legend
    )
    filled = {name: looks[name][0] if name in ("better", "worse") else "transparent" for name in shown}
    fill = alt.Fill("verdict:N", scale=alt.Scale(domain=shown, range=list(filled.values())), legend=legend)
    chosen = highlight("verdict")
    y = alt.Y("pair:N", sort=pairs, title=None, axis=alt.Axis(labelLimit=330))
    base = alt.Chart().encode(y=y, opacity=emphasis(chosen))
    band = once().mark_rect(color=palette.line, opacity=0.6).encode(x=alt.datum(-margin), x2=alt.datum(margin))
    zero = once().mark_rule(strokeWidth=0.8).encode(x=alt.datum(0))
    bars = base.mark_rule(strokeWidth=1.4).encode(alt.X("difference_low:Q"), alt.X2("difference_high:Q"), color=colour)
    tooltip = [alt.Tooltip("pair:N", title="Difference"), *tips(table, "setting", "difference", "verdict", "p")]
    x = alt.X(
        "difference:Q", axis=score_axis(f"difference in {label}", tickCount=4, grid=True), scale=alt.Scale(padding=8)
    )
    marks = base.mark_point().encode(x, color=colour, fill=fill, shape=shape, tooltip=tooltip).add_params(chosen)
    panel = alt.layer(band, zero, bars, marks).properties(width=(WIDTH - 240) / len(settings), height=ROW * len(pairs))
    facet = alt.Column("setting:N", sort=settings, title=None)
    return panel.facet(facet, data=rows()).resolve_scale(x="independent")


def questions(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the questions sorted by the difference between the two arms of the main comparison."""
    from analysis.render.figure import Figure

    for benchmark in findings.facts.benchmarks:
        judged = [j for j in findings.comparisons.main if j.place.benchmark == benchmark.name and not j.first.parts]
        # One pair is drawn: with several cells the first one.
        judged = [j for j in judged if (j.first, j.second) == (judged[0].first, judged[0].second)]
        if not judged:
            continue
        label = metric_label(benchmark.metric)
        rows: list[list[Any]] = []
        shares = []
        for j in judged:
            own = own_differences(findings, j)
            better, worse = float((own > 0).mean()), float((own < 0).mean())
            shares.append((j.place, better, worse))
            rows += [[j.place.setting, place / len(own), own[place - 1]] for place in _steps(len(own))]
        columns = [
            Column("setting", "Setting"),
            Column("share", "Share of the questions", "share"),
            Column("difference", f"Difference in {label}, up to", "difference"),
        ]
        listed_shares = "; ".join(
            f"{place.label}: better on {100 * better:.0f} %, worse on {100 * worse:.0f} % of the questions"
            for place, better, worse in shares
        )
        title = f"{benchmark.name}: {judged[0].label}, question by question"
        table = make_table(f"figure_questions_{slug(benchmark.name)}", title, columns, rows)
        pair = f"{judged[0].first.label} minus {judged[0].second.label}"
        text = f"Questions sorted by {pair}, mean over seeds and translations. {listed_shares}."
        yield Figure(
            f"questions_{slug(benchmark.name)}",
            title,
            text,
            table,
            partial(_draw_questions, table=table, shares=shares, label=label),
            QUESTIONS,
            _stairs(table),
        )


def own_differences(findings: Findings, judged: Judged) -> Any:
    """The difference of every question, mean over seeds and its own queries, ascending: [questions]."""
    one, other = (findings.questions.table(arm, judged.place) for arm in (judged.first, judged.second))
    if one is None or other is None:
        raise ValueError(f"{judged.label} has no values per question at {judged.place}")
    return np.sort(one.minus(other).own_means)


def _steps(number: int) -> list[int]:
    """At most `MOST_STEPS` of the places 1 to `number`, evenly spread, with the first and the last."""
    return [int(place) for place in np.unique(np.linspace(1, number, min(number, MOST_STEPS)).round())]


def _stairs(table: Table) -> list[dict[str, Any]]:
    """The rows of the table as steps: each begins where the one before it in its panel ends."""
    from analysis.render.style import values

    rows = values(table)
    before = 0.0
    for row in rows:
        row |= {
            "from": before if row["share"] > before else 0.0,
            "side": "better" if row["difference"] > 0 else "worse",
        }
        before = row["share"]
    return rows


def _draw_questions(palette: Any, table: Table, shares: Sequence[tuple[Place, float, float]], label: str) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, once, rows, score_axis, share_axis, tips

    legend = {
        place.setting: [f"better on {100 * better:.0f} %", f"worse on {100 * worse:.0f} %"]
        for place, better, worse in shares
    }
    panels: list[Any] = []
    for place, _, _ in shares:
        own = alt.Chart().transform_filter(alt.FieldEqualPredicate(field="setting", equal=place.setting))
        x = alt.X("from:Q", axis=share_axis("share of the questions", values=[0, 0.5, 1]))
        y = alt.Y("difference:Q", axis=score_axis(f"difference in {label}" if not panels else None))
        sides = alt.Scale(domain=["better", "worse"], range=palette.series[:2])
        colour = alt.Color("side:N", scale=sides, legend=None)
        steps = own.mark_rect(opacity=0.75).encode(
            x, alt.X2("share:Q"), y, y2=alt.datum(0), color=colour, tooltip=tips(table)
        )
        zero = once().mark_rule(strokeWidth=0.8).encode(y=alt.datum(0))
        said = (
            once()
            .mark_text(align="left", baseline="top", lineBreak="\n")
            .encode(x=alt.value(6), y=alt.value(4), text=alt.value("\n".join(legend[place.setting])))
        )
        title = alt.TitleParams(place.setting)
        panels.append(alt.layer(steps, zero, said).properties(title=title, width=WIDTH / len(shares) - 40, height=200))
    return alt.hconcat(*panels, data=rows(), spacing=20).resolve_scale(y="shared")


SECTION = Section(
    "comparisons",
    "Comparisons",
    "Which differences would hold for new seeds and new questions.",
    tables=lambda findings: [verdicts(findings.comparisons), comparisons(findings.comparisons)],
    figures=lambda findings: [*forest(findings), *questions(findings)],
    sentences=answer,
)
