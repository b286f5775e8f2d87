"""Search and training: what the arms are, how their parameters were chosen, and how training went."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, estimate
from analysis.facts.runs import Run
from analysis.facts.schedules import as_text
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.section import Section
from analysis.sections.training import learning_curves, schedules

if TYPE_CHECKING:
    from analysis.render.figure import Figure

FEWEST_TRIALS = 8
"""Complete trials from which a picture of the search says something."""
MOST_LINES = 400
ALL_FAMILIES = "all families"

IMPORTANCE = "Of the search trials that ran to their end; within a family only its own parameters vary."


# The tables.


def arms(facts: Facts) -> Table:
    """What each arm is: its schedule, its parameters, the mean ratio asked for and the share that was drawn."""
    columns = [
        Column("arm", "Arm"),
        Column("role", "Role"),
        Column("schedule", "Schedule"),
        Column("mean_ratio", "Mean \N{GREEK SMALL LETTER ALPHA}", "number"),
        Column("mono_share", "Monolingual batches", "share"),
        Column("learning_rate", "Learning rate", "number"),
        Column("chosen_from", "Chosen from"),
        Column("seeds", "Seeds", "count"),
        Column("description", "Description"),
    ]
    rows = []
    for arm in facts.arms:
        record = arm.record
        share = estimate(run.mono_share for run in arm.runs if run.mono_share is not None)
        drawn = estimate(run.mean_ratio for run in arm.runs if run.mean_ratio is not None)
        mean = record.mean_ratio if record.mean_ratio is not None else None if drawn is None else drawn.mean
        rows.append(
            [
                arm.label,
                _role(arm),
                record.schedule.text if record.schedule else "",
                mean,
                None if share is None else share.mean,
                record.learning_rate,
                record.chosen_from,
                len(arm.runs),
                record.description,
            ]
        )
    return make_table("arms", "The arms", columns, rows)


def _role(arm: Arm) -> str:
    belongs = f" of {arm.record.of}" if arm.record.of else ""
    same = f", the same training as {arm.record.same_as}" if arm.record.same_as else ""
    return f"{arm.role}{belongs}{same}"


def search(facts: Facts) -> Table:
    """The search budget of each family and what it found: every family must have had the same."""
    objective = facts.objective
    columns = [
        Column("family", "Family"),
        Column("planned", "Planned", "count"),
        Column("complete", "Complete", "count"),
        Column("pruned", "Stopped early", "count"),
        Column("failed", "Failed", "count"),
        Column("pairs", "Training pairs", "count"),
        Column("best", f"Best dev {objective.metric}", "score"),
        Column("chosen", "Parameters of the best"),
    ]
    planned = [study.planned_trials for study in facts.studies]
    by_branch: dict[str, list[Run]] = {branch: [] for plan in planned for branch in plan}
    for run in facts.search_runs():
        by_branch.setdefault(run.branch, []).append(run)
    choose = max if objective.maximised else min
    rows = []
    for branch, runs in by_branch.items():
        best = choose(_valued(runs, objective.metric), key=lambda pair: pair[1], default=None)
        rows.append(
            [
                branch,
                sum(plan.get(branch, 0) for plan in planned),
                sum(run.status == "complete" for run in runs),
                sum(run.status == "pruned" for run in runs),
                sum(run.status in ("failed", "diverged") for run in runs),
                sum(int(run.cost("pairs") or 0) for run in runs),
                None if best is None else best[1],
                "" if best is None else _parameters(best[0]),
            ]
        )
    notes = ["Parameters are chosen on dev data only; a trial that was stopped early cannot be chosen."]
    return make_table("search", "Search budget by family", columns, rows, notes)


def _valued(runs: Sequence[Run], objective: str) -> list[tuple[Run, float]]:
    """The complete runs that have a dev value, with it."""
    return [(r, value) for r in runs if r.status == "complete" and (value := r.dev(objective)) is not None]


def _parameters(run: Run) -> str:
    training = run.training
    parts = [training.schedule.text if training.schedule else ""]
    for name, value in (("learning_rate", training.learning_rate), ("temperature", training.temperature)):
        parts += [] if value is None else [f"{name} {as_text(value)}"]
    return ", ".join(part for part in parts if part)


# The figures.


def varied(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The knobs that all `runs` have and that differ between them."""
    values = [run.training.searched() for run in runs]
    names = [name for name in values[0] if all(name in other for other in values)] if values else []
    columns = {name: [other[name] for other in values] for name in names}
    return {name: column for name, column in columns.items() if len(set(column)) > 1}


def importance(findings: Findings) -> Iterator["Figure"]:
    """Parameter importance (PED-ANOVA) within each family and over all of them; needs optuna."""
    from analysis.render.figure import Figure

    facts = findings.facts
    objective = facts.objective
    trials = _valued(facts.search_runs(), objective.metric)
    groups = {ALL_FAMILIES: trials}
    for run, value in trials:
        groups.setdefault(run.branch, []).append((run, value))
    rows: list[list[Any]] = []
    for name, group in groups.items():
        columns = varied([run for run, _ in group])
        if name == ALL_FAMILIES and len({run.branch for run, _ in group}) > 1:
            columns["family"] = [run.branch for run, _ in group]
        if len(group) >= FEWEST_TRIALS and len(columns) > 1:
            shares = _ped_anova(columns, [value for _, value in group], objective.maximised)
            if shares is None:
                return
            ordered = sorted(shares.items(), key=lambda item: -item[1])
            rows += [[f"{name} ({len(group)} trials)", parameter, share] for parameter, share in ordered]
    if not rows:
        return
    table = make_table(
        "figure_importance",
        "Which parameter matters",
        [Column("group", "Trials"), Column("parameter", "Parameter"), Column("importance", "Importance", "share")],
        rows,
    )
    listed = {
        title: ", ".join(f"{row[1]} {row[2]:.2f}" for row in rows if row[0] == title)
        for title in dict.fromkeys(row[0] for row in rows)
    }
    yield Figure(
        "importance",
        "Which parameter matters",
        "Horizontal bars. " + " ".join(f"{title}: {shares}." for title, shares in listed.items()),
        table,
        partial(_draw_importance, table=table, objective=objective.metric),
        IMPORTANCE,
    )


def _ped_anova(columns: Mapping[str, list[Any]], values: list[float], maximise: bool) -> dict[str, float] | None:
    """Importance by parameter; None where optuna is not installed or cannot say."""
    try:
        import optuna
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spread = {name: _distribution(optuna, name, column) for name, column in columns.items()}
    study = optuna.create_study(direction="maximize" if maximise else "minimize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: columns[name][i] for name in columns}, distributions=spread, value=values[i]
            )
            for i in range(len(values))
        ]
    )
    try:
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    except (ValueError, RuntimeError):
        # Too few distinct values to split good trials from the rest.
        return None
    return {str(name): float(value) for name, value in found.items()}


def _distribution(optuna: Any, name: str, column: list[Any]) -> Any:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in column):
        low, high = float(min(column)), float(max(column))
        logarithmic = low > 0 and high / low > 30
        return optuna.distributions.FloatDistribution(low, high, log=logarithmic)
    return optuna.distributions.CategoricalDistribution(sorted({str(value) for value in column}))


def _draw_importance(palette: Any, table: Table, objective: str) -> Any:
    import altair as alt

    from analysis.render.style import ROW, WIDTH, rows, share_axis, tips

    panels = []
    groups = list(dict.fromkeys(str(row["group"]) for row in table.records()))
    for group in groups:
        own = [str(row["parameter"]) for row in table.records() if row["group"] == group]
        title = f"importance for dev {objective} (PED-ANOVA, sums to 100 %)" if group == groups[-1] else None
        x = alt.X("importance:Q", axis=share_axis(title, tickCount=5), scale=alt.Scale(domain=[0, 1]))
        y = alt.Y("parameter:N", sort=own, title=None)
        bars = (
            alt.Chart()
            .transform_filter(alt.FieldEqualPredicate(field="group", equal=group))
            .mark_bar(color=palette.series[0], height={"band": 0.7})
        )
        panels.append(
            bars.encode(x, y, tooltip=tips(table)).properties(title=group, width=WIDTH - 150, height=ROW * len(own))
        )
    return alt.vconcat(*panels, data=rows(), spacing=12)


def parallel_coordinates(findings: Findings) -> Iterator["Figure"]:
    """The search trials as lines over family, mean ratio, learning rate and dev value."""
    from analysis.render.figure import Figure
    from analysis.render.style import values

    facts = findings.facts
    objective = facts.objective
    ended = _valued(facts.search_runs(), objective.metric)
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
        [run.id, groups[place >= top], run.branch, run.mean_ratio, run.training.learning_rate, value]
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


SECTION = Section(
    "search",
    "Search and training",
    "What the arms are, how their parameters were chosen, and how training went.",
    tables=lambda findings: [arms(findings.facts), search(findings.facts)],
    figures=lambda findings: [
        *schedules(findings),
        *learning_curves(findings),
        *importance(findings),
        *parallel_coordinates(findings),
    ],
)
