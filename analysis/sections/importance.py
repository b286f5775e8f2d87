"""Which parameter of the search matters: a figure of the section `search`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.facts.options import plain_options
from analysis.facts.runs import Run, with_dev_value
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table

if TYPE_CHECKING:
    from analysis.render.figure import Figure

FEWEST_TRIALS = 8
"""Complete trials from which a picture of the search says something."""
ALL_FAMILIES = "all families"
CAPTION = "Of the search trials that ran to their end; within a family only its own parameters vary."


def varied(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The options that all `runs` have and that differ between them."""
    values = [plain_options(run.config) for run in runs]
    names = [name for name in values[0] if all(name in other for other in values)] if values else []
    columns = {name: [other[name] for other in values] for name in names}
    return {name: column for name, column in columns.items() if len(set(column)) > 1}


def importance(findings: Findings) -> Iterator["Figure"]:
    """Parameter importance (PED-ANOVA) within each family and over all of them; needs optuna."""
    from analysis.render.figure import Figure

    facts = findings.facts
    objective = facts.objective
    trials = with_dev_value(facts.search_runs(), objective.metric)
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
        CAPTION,
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
