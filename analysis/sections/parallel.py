"""The search trials as lines over what they varied: a figure of the section `search`."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.runs import with_dev_value
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.importance import FEWEST_TRIALS

if TYPE_CHECKING:
    from analysis.render.figure import Figure

MOST_LINES = 400


def parallel_coordinates(findings: Findings) -> Iterator["Figure"]:
    """The search trials as lines over family, mean ratio, learning rate and dev value."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    facts = findings.facts
    objective = facts.objective
    ended = with_dev_value(facts.search_runs(), objective.metric)
    if len(ended) < FEWEST_TRIALS:
        return
    ended.sort(key=lambda pair: pair[1], reverse=objective.maximised)
    shown = ended[:MOST_LINES]
    top = max(1, len(shown) // 10)
    groups = f"best {top} of {len(ended)}", "others" if len(ended) == len(shown) else f"the next {len(shown) - top}"
    columns = [
        Column("trial", "Trial"),
        Column("group", "Group"),
        Column("family", "Family"),
        Column("mean_ratio", "Mean \N{GREEK SMALL LETTER ALPHA}", "number"),
        Column("learning_rate", "Learning rate", "number"),
        Column("value", f"Dev {objective.metric}", "score"),
    ]
    rows = [
        [run.id, groups[place >= top], run.branch, run.mean_ratio, run.config.optimiser.learning_rate, value]
        for place, (run, value) in enumerate(shown)
    ]
    table = make_table("figure_parallel_coordinates", "Search trials", columns, rows)
    coordinates = _coordinates(table)
    if len(coordinates) < 3:
        return
    scales = {f"at{index}": Coordinate(table, column) for index, column in enumerate(coordinates)}
    names = ", ".join(column.label.lower() for column in coordinates)
    yield Figure(
        "parallel_coordinates",
        "Search trials",
        f"{len(shown)} search trials as lines over {names}; the best {top} stand out.",
        table,
        partial(_draw_parallel, table=table, scales=scales, groups=groups),
        rows=[row | {place: one.height(row[one.column.key]) for place, one in scales.items()} for row in values(table)],
    )


def _coordinates(table: Table) -> list[Column]:
    """The family, and the numbers that all trials have and in which they differ."""
    records = list(table.records())

    def differs(key: str) -> bool:
        found = {record[key] for record in records}
        return None not in found and len(found) > 1

    return [column for column in table.columns[2:] if column.key == "family" or differs(column.key)]


def _draw_parallel(palette: Any, table: Table, scales: Mapping[str, "Coordinate"], groups: tuple[str, str]) -> Any:
    import altair as alt

    from analysis.render.style import WIDTH, emphasis, highlight, rows, tips

    ticks = [
        {"place": place, "height": scale.height(value), "label": label}
        for place, scale in scales.items()
        for value, label in scale.ticks
    ]
    labels = {place: scale.column.label for place, scale in scales.items()}
    x = alt.X(
        "place:N",
        scale=alt.Scale(type="point", padding=0.3),
        axis=alt.Axis(title=None, labelAngle=0, grid=True, labelExpr=f"{json.dumps(labels)}[datum.value]"),
    )
    y = alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[0, 1]))
    colours = alt.Scale(domain=list(groups), range=[palette.series[1], palette.series[0]])
    colour = alt.Color("group:N", scale=colours, legend=alt.Legend(title=None, orient="top"))
    chosen = highlight("group")
    layers: list[Any] = []
    for group, width, strong in ((groups[1], 0.9, 0.35), (groups[0], 1.6, 1.0)):
        layers.append(
            alt.Chart(rows())
            .transform_filter(alt.FieldEqualPredicate(field="group", equal=group))
            .transform_fold(list(scales), as_=["place", "height"])
            .mark_line(strokeWidth=width)
            .encode(x, y, detail="trial:N", color=colour, opacity=emphasis(chosen, strong), tooltip=tips(table))
        )
    layers[0] = layers[0].add_params(chosen)
    text = alt.Chart(alt.Data(values=ticks)).mark_text(align="right", dx=-5, fontSize=10).encode(x, y, text="label:N")
    return alt.layer(*layers, text).properties(width=WIDTH, height=300)


class Coordinate:
    """One axis of parallel coordinates: where a value stands on it, from 0 to 1, and what is written beside it."""

    def __init__(self, table: Table, column: Column) -> None:
        self.column = column
        found = [record[column.key] for record in table.records()]
        self._names = [] if column.is_number else list(dict.fromkeys(map(str, found)))
        numbers = [float(value or 0) for value in found] if column.is_number else [0.0, len(self._names) - 1.0]
        self._is_log = column.key == "learning_rate" and min(numbers) > 0 and max(numbers) > 3 * min(numbers)
        self._low, self._high = (self._position(end) for end in (min(numbers), max(numbers)))

    @property
    def ticks(self) -> list[tuple[Any, str]]:
        """Values with their labels: every name, or four numbers."""
        if self._names:
            return [(name, name) for name in self._names]
        steps = [self._low + (self._high - self._low) * place / 3 for place in range(4)]
        marks = [math.exp(step) if self._is_log else step for step in steps]
        return [
            (mark, f"{mark:.1e}".replace("e-0", "e\N{MINUS SIGN}") if self._is_log else f"{mark:.3g}") for mark in marks
        ]

    def height(self, value: Any) -> float:
        """Where a value stands."""
        number = self._names.index(str(value)) if self._names else float(value)
        return round((self._position(number) - self._low) / ((self._high - self._low) or 1.0), 4)

    def _position(self, number: float) -> float:
        return math.log(number) if self._is_log else number
