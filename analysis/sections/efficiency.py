"""Efficiency: what retrieval costs with every arm at equal recall, of which part training may change what."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import without_repeats
from analysis.facts.facts import estimate
from analysis.findings.efficiency import Priced
from analysis.findings.findings import Findings
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.section import Section
from analysis.wording import count, listed
from trainables.evaluation.efficiency.records import NumberRecord, Part

if TYPE_CHECKING:
    from analysis.render.figure import Figure
    from analysis.statistics.ratios import Ratio

PARTS: dict[Part, str] = {
    "search": "Search",
    "encoder": "Encoder",
    "vectors": "Smaller vectors",
    "geometry": "Geometry",
}

LEADS = {
    "better": "Cheaper at equal recall",
    "worse": "Dearer at equal recall",
    "equivalent": "Equally cheap at equal recall",
    "not separable": "Too small to tell",
    "single run": "One training each, and nothing to tell it from chance",
    "void": "No verdict",
}
"""How the answer begins, by verdict."""

NOISY = "no verdict, since one encoder measured twice differs from itself by more than the margin"
UNCHECKED = "no verdict, since no encoder of the baseline was measured twice"
"""Why a verdict is void."""


def verdicts(findings: Findings) -> Iterator[Table]:
    """Per benchmark: every arm against the baseline by the numbers that are for comparison."""
    for benchmark in findings.efficiency.benchmarks:
        found = [one for one in findings.priced if one.benchmark == benchmark]
        if not found:
            continue
        columns = [
            Column("part", "Part"),
            Column("number", "Number"),
            Column("unit", "Unit"),
            Column("arm", "Arm"),
            Column("value", "Value", "number"),
            Column("baseline", f"Of {found[0].baseline.name}", "number"),
            Column("ratio", "Times", "number"),
            Column("verdict", "Verdict"),
            Column("control", "Same encoder twice", "number"),
        ]
        order = {number.name: place for place, number in enumerate(_numbers(findings))}
        found.sort(key=lambda one: (one.number.is_timed, order[one.number.name]))
        rows = [
            [
                PARTS[one.number.part],
                one.number.label,
                one.number.unit,
                one.arm.label,
                _mean(findings, one, of_baseline=False),
                _mean(findings, one, of_baseline=True),
                _ratio_cell(one.ratio),
                one.verdict,
                Cell(None) if one.control is None else _ratio_cell(one.control),
            ]
            for one in found
        ]
        title = f"What retrieval costs on {benchmark}, against {found[0].baseline.name}"
        yield make_table(f"efficiency_{slug(benchmark)}", title, columns, rows, _notes(findings, found))


def _notes(findings: Findings, found: Sequence[Priced]) -> list[str]:
    record = findings.efficiency.record
    if record is None:
        return []
    sizes = sorted({(one.number.is_timed, one.is_main, one.ratio.n_comparisons) for one in found}, reverse=True)
    families = listed(
        [f"{'times' if t else 'other numbers'} of {'the main arm' if m else 'others'} ({n})" for t, m, n in sizes]
    )
    return [
        f"Times: geometric mean over training seeds of the ratio to {found[0].baseline.name} of the same seed, with a "
        f"95 % interval (Student's t). Equivalent: the interval lies between 1/{1 + record.margin:g} and "
        f"{1 + record.margin:g}. Intervals and verdicts hold together within each family: {families}.",
        f"Same encoder twice: {found[0].baseline.name} measured under a second name; a verdict is void where it "
        f"differs from itself by more than {100 * record.margin:g} %, and that on a time where it was not measured "
        "twice.",
        f"Recall: share of the {record.neighbours} nearest neighbours of exact search that is found. Numbers are means "
        f"over {record.orders} random orders of insertion, the same for all arms; times are medians over them.",
        *_own_seeds(findings, found),
        *_left_out(findings, found),
        *_machines(findings),
    ]


def _own_seeds(findings: Findings, found: Sequence[Priced]) -> Iterator[str]:
    """That the comparison of the question rests on other training seeds than the rest of the table, where it does."""
    seeds = {one.is_main: _measured(findings, one) for one in found}
    if len(set(seeds.values())) > 1:
        yield (
            f"The arm that the question is about was compared under {count(len(seeds[True]), 'training seed')}, all "
            f"that it shares with {found[0].baseline.name}, the others under {len(seeds[False])}: those that all arms "
            "have."
        )


def _left_out(findings: Findings, found: Sequence[Priced]) -> Iterator[str]:
    """The comparisons on fewer training seeds than both arms were measured with."""
    fewer = [
        f"{one.number.label}, {one.arm.label}: {one.ratio.n_seeds} of {count(measured, 'seed')}"
        for one in found
        if one.ratio.n_seeds < (measured := len(_measured(findings, one)))
    ]
    if fewer:
        yield f"Training seeds for which a recall is not reached in every order are left out: {'; '.join(fewer)}."


def _measured(findings: Findings, one: Priced) -> frozenset[int]:
    """The training seeds with which both arms were measured."""
    arm, baseline = (findings.efficiency.seeds(arm, one.benchmark) for arm in (one.arm, one.baseline))
    return arm & baseline


def _machines(findings: Findings) -> Iterator[str]:
    """On what was measured, and whether it was idle."""
    measured = findings.efficiency.measurements
    states = [one.before for one in measured]
    if not states:
        return
    machines = sorted({f"{one.processor or 'unknown processor'} ({count(one.threads, 'thread')})" for one in states})
    yield f"Measured on {listed(machines)}, one encoder at a time, in {count(len(measured), 'measurement')}."
    hosts = {one.host for one in states}
    if len(hosts) > 1:
        yield f"Times are of {len(hosts)} machines, and no more alike than these."
    loads = [one.load[0] for one in states if one.load is not None]
    busy = [load for load, one in zip(loads, states, strict=False) if load > one.threads + 1]
    if busy:
        yield (
            f"The machine was not idle at {len(busy)} of {len(measured)} measurements (load average up to "
            f"{max(busy):.1f}): times say more about it than about the arms."
        )


def _mean(findings: Findings, one: Priced, *, of_baseline: bool) -> float | None:
    arm = one.baseline if of_baseline else one.arm
    found = estimate(findings.efficiency.values(arm, one.benchmark, one.number.name).values())
    return None if found is None else found.mean


def _ratio_cell(ratio: "Ratio") -> Cell:
    low, high = ratio.interval or (None, None)
    return Cell(ratio.ratio, low, high)


def _numbers(findings: Findings) -> list[NumberRecord]:
    record = findings.efficiency.record
    return [] if record is None else list(record.numbers.values())


def numbers(findings: Findings) -> Iterator[Table]:
    """Per benchmark: all numbers of all arms."""
    arms = without_repeats(findings.facts.arms)
    for benchmark in findings.efficiency.benchmarks:
        columns = [
            Column("part", "Part"),
            Column("number", "Number"),
            Column("unit", "Unit"),
            *(Column(slug(arm.label), arm.label, "number") for arm in arms),
        ]
        rows: list[list[Any]] = []
        for number in _numbers(findings):
            found = [estimate(findings.efficiency.values(arm, benchmark, number.name).values()) for arm in arms]
            if any(one is not None for one in found):
                rows.append([PARTS[number.part], number.label, number.unit, *map(estimate_cell, found)])
        notes = [
            "Means over training seeds, each with a 95 % interval for itself. A missing number: a recall that no "
            "setting reaches, a length that the encoder does not read, or a percentile that so few queries do not tell."
        ]
        title = f"All that was measured on {benchmark}"
        yield make_table(f"efficiency_numbers_{slug(benchmark)}", title, columns, rows, notes, long=True)


def tables(findings: Findings) -> Iterator[Table]:
    """Verdicts, then all numbers."""
    yield from verdicts(findings)
    yield from numbers(findings)


def sentences(findings: Findings) -> Iterator[str]:
    """What the question is answered with: the search at equal recall, which part may differ, and all other verdicts."""
    found, price = findings.priced, findings.efficiency.price
    if not found or price is None:
        return
    for benchmark in findings.efficiency.benchmarks:
        here = [one for one in found if one.benchmark == benchmark]
        for arm in dict.fromkeys(one.arm for one in here if one.is_main):
            main = [one for one in here if one.arm is arm]
            answer = next((one for one in main if one.number == price), None)
            yield _unreached(findings, main[0], price) if answer is None else _headline(findings, answer)
            yield _parts(main[0], [one for one in main if one.number.part == "encoder"])
            search = [one for one in main if one.number.part == "search" and one is not answer]
            yield from _by_verdict("Other numbers of the search", [(one.number.label, one) for one in search])
            others = [one for one in here if one.arm.group == arm.group and not one.is_main]
            yield from _others(others, price)
    # What the other sections say of the answer follows.
    yield "Quality:"


def _headline(findings: Findings, one: Priced) -> str:
    would_be = f"; equivalent would be within {100 * one.margin:g} %" if one.verdict == "not separable" else ""
    left_out = len(_measured(findings, one)) - one.ratio.n_seeds
    unreached = f"; with {left_out} more the recall is not reached in every order" if left_out else ""
    return (
        f"{LEADS[one.verdict]}: {one.arm.label} takes {_times(one.ratio)} the {one.number.label} of "
        f"{one.baseline.label} on {one.benchmark} ({count(one.ratio.n_seeds, 'training seed')}{unreached}{would_be})."
    )


def _unreached(findings: Findings, one: Priced, price: NumberRecord) -> str:
    """That there is nothing to compare at equal recall, and which of the two arms does not reach it.

    one: any comparison of them.
    """
    arms = one.arm, one.baseline
    lacking = [arm.label for arm in arms if not findings.efficiency.values(arm, one.benchmark, price.name)]
    who = (
        f"no training seed of {listed(lacking)} reaches that recall"
        if lacking
        else f"{one.arm.label} and {one.baseline.label} reach that recall with no training seed in common"
    )
    return f"No verdict on {price.label}: {who} in every order of insertion on {one.benchmark}."


def _others(found: Sequence[Priced], price: NumberRecord) -> Iterator[str]:
    """All other arms by the number that is compared first, those that do not have it included."""
    priced = [(one.arm.label, one) for one in found if one.number == price]
    yield from _by_verdict(f"Other arms, {price.label}", priced)
    without = {one.arm.label for one in found} - {label for label, _ in priced}
    lacking = list(dict.fromkeys(one.arm.label for one in found if one.arm.label in without))
    if lacking:
        yield f"No verdict, since the recall is not reached with any training seed in every order: {listed(lacking)}."


def _times(ratio: "Ratio") -> str:
    if ratio.interval is None:
        return f"{ratio.ratio:.3g} times"
    return f"{ratio.ratio:.3g} times [{ratio.interval[0]:.3g}, {ratio.interval[1]:.3g}]"


def _by_verdict(lead: str, found: Iterable[tuple[str, Priced]]) -> Iterator[str]:
    """All verdicts in a sentence, those that are the same together."""
    said: dict[str, list[str]] = {}
    for label, one in found:
        times = "" if one.is_void else f" {one.ratio.ratio:.3g} times"
        said.setdefault(_withheld(one) or one.verdict, []).append(f"{label}{times}")
    if said:
        yield f"{lead}: {'; '.join(f'{verdict}: {listed(labels)}' for verdict, labels in said.items())}."


def _withheld(one: Priced) -> str:
    """Why there is no verdict; empty where there is one."""
    return (UNCHECKED if one.is_unchecked else NOISY) if one.is_void else ""


def _parts(one: Priced, encoder: Sequence[Priced]) -> str:
    """Which part may differ: not the encoder, where its shape is the same; and whether it was seen to."""
    shapes = {run.config.encoder.model_dump_json() for arm in (one.arm, one.baseline) for run in arm.runs}
    measured = "; ".join(
        f"{each.number.label} {_times(each.ratio)}, {_control(each) if each.is_void else each.verdict}"
        for each in encoder
    )
    reason = (
        "Only the approximate search may differ: training changes the weights and not the shape of the encoder, which "
        "reads the same tokens"
        if len(shapes) == 1
        else "The encoders differ in more than their training"
    )
    return f"{reason} (measured: {measured})." if measured else f"{reason}."


def _control(one: Priced) -> str:
    if one.control is None:
        return UNCHECKED
    return f"void, since one encoder measured twice differs from itself by {100 * abs(one.control.ratio - 1):.0f} %"


def figures(findings: Findings) -> Iterator["Figure"]:
    """Per benchmark: recall over the time of a search, and over its distance computations."""
    for benchmark in findings.efficiency.benchmarks:
        rows = [
            [arm.label, point.index, point.setting, point.recall, point.distances, point.milliseconds]
            for arm in without_repeats(findings.facts.arms)
            for point in findings.efficiency.curve(arm, benchmark)
        ]
        if rows:
            yield _figure(benchmark, rows)


def _figure(benchmark: str, rows: list[list[Any]]) -> "Figure":
    from analysis.render.figure import Figure

    columns = [
        Column("arm", "Arm"),
        Column("index", "Index"),
        Column("setting", "ef or nprobe", "count"),
        Column("found", "Recall", "score"),
        Column("distances", "Distance computations", "count"),
        Column("milliseconds", "Milliseconds", "number"),
    ]
    name, title = f"efficiency_{slug(benchmark)}", f"Recall over the cost of a search, {benchmark}"
    table = make_table(f"figure_{name}", title, columns, rows)
    best = max(rows, key=lambda row: row[3])
    return Figure(
        name,
        title,
        f"One line per arm and index, recall against milliseconds and against distance computations of a query. "
        f"The highest recall, {best[3]:.3f}, is that of {best[0]} with the index {best[1]}.",
        table,
        partial(_draw, table=table),
        "Left: time, one query at a time on one thread. Right: distance computations, which no machine changes. Points "
        "without a line are indexes in which there is nothing to set.",
    )


def _draw(palette: Any, table: Table) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, points, rows, score_axis, series, tips

    names = list(dict.fromkeys(str(row["arm"]) for row in table.records()))
    looks = series(palette, names, columns=3)
    chosen = highlight("arm")
    # Indexes in which there is nothing to set are single points.
    drawn_lines = sorted({str(row["index"]) for row in table.records() if row["setting"] is not None})
    dash = alt.StrokeDash(
        "index:N",
        scale=alt.Scale(domain=drawn_lines, range=[[1, 0], [5, 3], [1, 2]]),
        legend=alt.Legend(title="index", orient="bottom"),
    )
    panels: list[Any] = []
    for column, title in (("milliseconds", "milliseconds per query"), ("distances", "distance computations per query")):
        x = alt.X(f"{column}:Q", scale=alt.Scale(type="log", nice=False, padding=12), axis=alt.Axis(title=title))
        y = alt.Y(
            "found:Q",
            axis=score_axis(None if panels else "recall of the nearest neighbours"),
            scale=alt.Scale(zero=False),
        )
        drawn = alt.Chart(rows())
        line = drawn.mark_line(strokeWidth=1).encode(
            x,
            y,
            color=looks["color"],
            detail="index:N",
            strokeDash=dash,
            order="setting:Q",
            opacity=emphasis(chosen),
        )
        marks = drawn.mark_point(size=25).encode(x, y, **points(looks), opacity=emphasis(chosen), tooltip=tips(table))
        panels.append(alt.layer(line, marks).properties(width=WIDTH / 2 - 40, height=280))
    return alt.hconcat(*panels, spacing=25).add_params(chosen)


SECTION = Section(
    "efficiency",
    "Efficiency",
    "What retrieval costs at equal recall with the encoders of every arm, each measured alone.",
    tables=tables,
    figures=figures,
    sentences=sentences,
)
