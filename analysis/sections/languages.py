"""Languages: the results by query language, and by pair of query and pool language."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Facts, estimate
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.findings.pairing import compared_pairs
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.section import Section
from analysis.wording import number

if TYPE_CHECKING:
    from analysis.render.figure import Figure

LARGEST_WITH_NUMBERS = 12
"""Languages up to which a heat map has room for its numbers."""
CAPTION = "Mean over seeds. The diagonal is the monolingual setting. Blue: better, orange: worse."


def per_language(facts: Facts) -> Iterator[Table]:
    """Per benchmark and setting: arms x query languages."""
    for benchmark in facts.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            shown = [one for one in facts.languages(benchmark) if benchmark.cell(setting, one) in facts.metrics]
            if not shown:
                continue
            rows = []
            for arm in facts.arms:
                means = [*(benchmark.cell(setting, one) for one in shown), metric]
                found = (estimate(arm.values(one).values(), benchmark.measure.unit) for one in means)
                rows.append([arm.label, *map(estimate_cell, found)])
            columns = [
                Column("arm", "Arm"),
                *(Column(slug(language), language, "score") for language in shown),
                Column("mean", "mean", "score"),
            ]
            title = f"{benchmark.name}, {setting}: {benchmark.measure.label} by query language"
            name = f"languages_{slug(benchmark.name)}_{slug(setting)}"
            # One of the settings stands open; the others would only push the rest of the page away.
            folded = setting != benchmark.settings[-1]
            yield make_table(name, title, columns, rows, [seeds_note(facts)], long=folded)


def pair_mean(arm: Arm, benchmark: Benchmark, query: str, pool: str) -> float | None:
    """Mean over seeds of the cell (query language, pool language); the diagonal is the monolingual setting."""
    name = benchmark.cell("monolingual", query) if query == pool else benchmark.cell("cross-lingual", query, pool)
    found = estimate(arm.values(name).values())
    return None if found is None else found.mean


def language_pairs(facts: Facts) -> Iterator[Table]:
    """Per benchmark: every arm and ordered pair of languages in long form."""
    for benchmark in facts.benchmarks:
        names = facts.languages(benchmark)
        if "cross-lingual" not in benchmark.settings or len(names) < 2:
            continue
        columns = [
            Column("arm", "Arm"),
            Column("query_language", "Query"),
            Column("pool_language", "Pool"),
            Column("value", benchmark.measure.label, "score"),
        ]
        rows = [
            [arm.label, query, pool, value]
            for arm in facts.arms
            for query in names
            for pool in names
            if (value := pair_mean(arm, benchmark, query, pool)) is not None
        ]
        title = f"{benchmark.name}: every query language against every pool language"
        notes = ["Mean over seeds. Equal languages: the monolingual setting."]
        yield make_table(f"pairs_{slug(benchmark.name)}", title, columns, rows, notes, long=True)


def heat_maps(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: the first arm of the main comparison, and its difference from the second."""
    from analysis.render.figure import Figure

    facts = findings.facts
    pairs = compared_pairs(facts)
    if not pairs:
        return
    first, second = pairs[0]
    for benchmark in facts.benchmarks:
        names = facts.languages(benchmark)
        if "cross-lingual" not in benchmark.settings or len(names) < 2:
            continue
        table = _pair_table(benchmark, first, second, names)
        differences = [float(row["difference"]) for row in table.records() if row["difference"] is not None]
        if not table.rows:
            continue
        span = (
            f"between {number(min(differences), sign=True)} and {number(max(differences), sign=True)}"
            if differences
            else "unknown"
        )
        text = (
            f"{benchmark.name}. Left: {benchmark.measure.label} of {first.label} for every query language "
            f"(rows) and pool language (columns). Right: the difference from {second.label}, {span}."
        )
        yield Figure(
            f"pairs_{slug(benchmark.name)}",
            f"{benchmark.name}: language pairs",
            text,
            table,
            partial(_draw, table=table, names=names),
            CAPTION,
        )


def _pair_table(benchmark: Benchmark, first: Arm, second: Arm, names: Sequence[str]) -> Table:
    columns = [
        Column("query", "Query language"),
        Column("pool", "Pool language"),
        Column("value", f"{first.label} ({benchmark.measure.label})", "score"),
        Column("difference", f"minus {second.label}", "difference"),
    ]
    rows: list[list[Any]] = []
    for query in names:
        for pool in names:
            one, other = (pair_mean(arm, benchmark, query, pool) for arm in (first, second))
            if one is not None:
                rows.append([query, pool, one, None if other is None else one - other])
    title = f"{benchmark.name}: {first.label} \N{MINUS SIGN} {second.label} by pair of languages"
    return make_table(f"figure_pairs_{slug(benchmark.name)}", title, columns, rows)


def _draw(palette: Any, table: Table, names: Sequence[str]) -> Any:
    import altair as alt

    from analysis.render.style import DIFFERENCE, QUALITY, rows, tips

    size = max(min(32, 380 / len(names)), 12)
    values, differences = (column.label for column in table.columns[2:])
    largest = max((abs(float(row["difference"] or 0)) for row in table.records()), default=0) or 1e-6
    found = [float(row["value"] or 0) for row in table.records()]
    low, high = int(10 * min(found)) / 10, -int(-10 * max(found) // 1) / 10
    x = alt.X("pool:N", sort=list(names), axis=alt.Axis(title="pool language", labelAngle=0, ticks=False, domain=False))
    panels: list[Any] = []
    for key, title, colours, domain, text in (
        ("value", values, QUALITY, [low, high], "replace(format(datum.value, '.3f'), /^0/, '')"),
        (
            "difference",
            f"{differences} (thousandths)",
            DIFFERENCE,
            [-largest, largest],
            "replace(format(1000 * datum.difference, '+.0f'), /^.0$/, '0')",
        ),
    ):
        first = not panels
        y = alt.Y(
            "query:N",
            sort=list(names),
            axis=alt.Axis(title="query language" if first else None, ticks=False, domain=False),
        )
        scale = alt.Scale(domain=domain, range=list(colours), interpolate="rgb")
        legend = None if len(names) <= LARGEST_WITH_NUMBERS else alt.Legend(title=None, orient="right")
        base = alt.Chart().encode(x, y)
        cells = base.mark_rect().encode(color=alt.Color(f"{key}:Q", scale=scale, legend=legend), tooltip=tips(table))
        parts = [cells]
        if len(names) <= LARGEST_WITH_NUMBERS:
            # White reads on the dark ends of a scale, black on the rest.
            middle = (domain[0] + domain[1]) / 2
            dark = f"abs(datum.{key}) > {0.6 * largest}" if key == "difference" else f"datum.{key} > {middle}"
            parts.append(
                base.transform_calculate(text=text)
                .mark_text(fontSize=9)
                .encode(text="text:N", color=alt.condition(dark, alt.value("#ffffff"), alt.value("#000000")))
            )
        panels.append(alt.layer(*parts).properties(title=title, width=size * len(names), height=size * len(names)))
    return alt.hconcat(*panels, data=rows(), spacing=40).resolve_scale(color="independent")


SECTION = Section(
    "languages",
    "Languages",
    "The same results by query language, and by pair of query and pool language.",
    tables=lambda findings: [*per_language(findings.facts), *language_pairs(findings.facts)],
    figures=heat_maps,
)
