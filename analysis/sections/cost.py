"""Cost: what one trial of each arm takes."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Facts, estimate
from analysis.findings.findings import Findings
from analysis.findings.means import seeds_note
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import estimate_cell
from analysis.sections.section import Section

if TYPE_CHECKING:
    from analysis.render.figure import Figure

PARTS = {
    "train_seconds": "Train",
    "signal_seconds": "Signal",
    "encode_seconds": "Encode",
    "score_seconds": "Score",
    "wait_seconds": "Wait",
}
"""What the seconds of a trial are spent on."""
OTHER = "Other"
LEAST_SHARE = 0.005
"""Share of a trial's seconds from which what is left over is shown."""


def cost(facts: Facts, watts: float | None = None) -> Table:
    """What a trial of each arm costs, mean over seeds; signal pairs and seconds are what a closed loop adds.

    `watts`: average power of one worker; energy in kWh = hours x workers x watts / 1,000.
    """
    columns = [
        Column("arm", "Arm"),
        Column("pairs", "Training pairs", "count"),
        Column("signal_pairs", "Signal pairs", "count"),
        *(Column(key, label, "seconds", "s") for key, label in PARTS.items()),
        Column("total_seconds", "Total", "seconds", "s"),
        Column("gpu_hours", "GPU-hours", "number"),
        *([] if watts is None else [Column("energy", "Energy, estimated", "number", "kWh")]),
        Column("parameters", "Parameters", "count"),
        Column("negatives", "Negatives per query", "count"),
        Column("device", "Device"),
    ]
    rows: list[list[Any]] = []
    for arm in facts.arms:
        row: list[Any] = [arm.label]
        row += [_mean(arm.costs(name)) for name in ("pairs", "signal_pairs", *PARTS)]
        row.append(estimate_cell(estimate(arm.costs("total_seconds"))))
        row.append(_mean(_hours(arm, "gpus")))
        if watts is not None:
            row.append(_mean([hours * watts / 1000 for hours in _hours(arm, "workers")]))
        row += [_mean(run.parameters for run in arm.runs), _mean(run.negatives_per_query for run in arm.runs)]
        row.append(", ".join(dict.fromkeys(run.device for run in arm.runs)))
        rows.append(row)
    notes = ["Per trial, mean over seeds. GPU-hours: seconds in total x GPUs / 3,600.", seeds_note(facts)]
    if watts is not None:
        notes.append(f"Energy is an estimate from one figure, not a measurement: hours x workers x {watts:,g} W.")
    return make_table("cost", "Cost of one trial", columns, rows, notes)


def _hours(arm: Arm, of: str) -> list[float]:
    """Hours in total times the number of GPUs or workers, by seed."""
    return [seconds * number / 3600 for seconds, number in zip(arm.costs("total_seconds"), arm.costs(of), strict=True)]


def _mean(values: Iterable[float | None]) -> float | None:
    found = estimate(value for value in values if value is not None)
    return None if found is None else found.mean


def time_split(findings: Findings) -> Iterator["Figure"]:
    """Seconds of a trial by what they were spent on, mean over seeds."""
    from analysis.render.figure import Figure

    arms = [arm for arm in without_repeats(findings.facts.arms) if arm.costs("total_seconds")]
    if not arms:
        return
    rows: list[list[Any]] = []
    for arm in arms:
        total = _mean(arm.costs("total_seconds")) or 0.0
        spent = {label: _mean(arm.costs(name)) or 0.0 for name, label in PARTS.items()}
        rest = max(total - sum(spent.values()), 0.0)
        spent |= {OTHER: rest} if rest > LEAST_SHARE * total else {}
        rows += [[arm.label, label, seconds, total] for label, seconds in spent.items() if seconds > 0]
    columns = [
        Column("arm", "Arm"),
        Column("part", "Part"),
        Column("seconds", "Seconds", "seconds"),
        Column("total", "Total", "seconds"),
    ]
    table = make_table("figure_time_split", "Where the time went", columns, rows)
    totals = {row[0]: row[3] for row in rows}
    listed = "; ".join(f"{arm} {total:,.0f} s" for arm, total in totals.items())
    yield Figure(
        "time_split",
        "Where the time went",
        f"Stacked bars, one per arm: {listed}.",
        table,
        partial(_draw, table=table, arms=list(totals)),
    )


def _draw(palette: Any, table: Table, arms: list[str]) -> Any:
    import altair as alt

    from analysis.render.style import ROW, WIDTH, emphasis, highlight, rows, tips

    parts = [label for label in (*PARTS.values(), OTHER) if any(row["part"] == label for row in table.records())]
    colours = dict(zip((*PARTS.values(), OTHER), (*palette.series[: len(PARTS)], palette.line), strict=True))
    scale = alt.Scale(domain=parts, range=[colours[part] for part in parts])
    chosen = highlight("part")
    y = alt.Y("arm:N", sort=arms, title=None)
    bars = (
        alt.Chart()
        .transform_calculate(order=f"indexof({parts}, datum.part)")
        .mark_bar(stroke=palette.paper, strokeWidth=0.5)
        .encode(
            alt.X("seconds:Q", axis=alt.Axis(title="seconds per trial, mean over seeds")),
            y,
            color=alt.Color("part:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
            order="order:Q",
            opacity=emphasis(chosen),
            tooltip=tips(table),
        )
        .add_params(chosen)
    )
    totals = (
        alt.Chart()
        .transform_aggregate(total="max(total)", groupby=["arm"])
        .transform_calculate(text="format(datum.total, ',.0f') + ' s'")
        .mark_text(align="left", dx=4)
        .encode(x="total:Q", y=y, text="text:N")
    )
    return alt.layer(bars, totals, data=rows()).properties(width=WIDTH - 150, height=ROW * len(arms))


SECTION = Section(
    "cost",
    "Cost",
    "What one trial of each arm takes.",
    tables=lambda findings: [cost(findings.facts, findings.watts)],
    figures=time_split,
)
