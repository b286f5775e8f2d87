"""Two arms question by question: tables, and a figure of the section `comparisons` about the main comparison."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.facts.facts import Place
from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import slug
from analysis.statistics.questions import QuestionTable

if TYPE_CHECKING:
    from analysis.render.figure import Figure

CAPTION = "Each step is one question, averaged over seeds and languages; above zero the first arm is better."
MOST_STEPS = 400
"""Steps of a panel: more cannot be told apart."""


def two_by_question(
    name: str,
    title: str,
    labels: Sequence[str],
    held: Sequence[QuestionTable],
    texts: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Every question with the means of two arms over its queries and the seeds in common, sorted by the difference.

    Args:
        name: of the table.
        title: of the table.
        labels: what the two are called.
        held: their values.
        texts: what the questions ask, by id; empty if that is not at hand.
        notes: what stands below.
    """
    one, other = held
    seeds = tuple(sorted(set(one.seeds) & set(other.seeds)))
    means = [table.of_seeds(seeds).own_means for table in (one, other)]
    columns = [
        Column("question", "Question"),
        Column("first", labels[0], "score"),
        Column("second", labels[1], "score"),
        Column("difference", "Difference", "difference"),
        *([Column("text", "Text", prose=True)] if texts else []),
    ]
    difference = means[0] - means[1]
    rows = [
        [
            one.questions[i],
            *(float(value[i]) for value in (*means, difference)),
            *([texts.get(one.questions[i])] if texts else []),
        ]
        for i in np.lexsort((np.array(one.questions), difference))
    ]
    return make_table(name, title, columns, rows, list(notes))


def extremes(table: Table, top: int) -> Table:
    """Of a table of every question, those at its ends: the ones that changed most."""
    rows = table.rows if len(table.rows) <= 2 * top else (*table.rows[:top], *table.rows[-top:])
    return replace(table, title=table.title.replace("every question", "the questions that changed most"), rows=rows)


def questions(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the questions sorted by the difference between the two arms of the main comparison."""
    from analysis.render.figure import Figure

    for benchmark in findings.facts.benchmarks:
        judged = [j for j in findings.comparisons.main if j.place.benchmark == benchmark.name and not j.first.parts]
        # One pair is drawn: with several cells the first one.
        judged = [j for j in judged if (j.first, j.second) == (judged[0].first, judged[0].second)]
        if not judged:
            continue
        label = benchmark.measure.label
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
            CAPTION,
            _stairs(table),
        )


def own_differences(findings: Findings, judged: Judged) -> Any:
    """The difference of every question in the main comparison, mean over its seeds and its own queries, ascending:
    [questions].
    """
    one, other = (findings.questions.table(arm.whole, judged.place) for arm in (judged.first, judged.second))
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
