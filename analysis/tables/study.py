"""How the study was run: arms, search, cost."""

import json
from collections.abc import Mapping
from typing import Any

from analysis.findings import Arm, Findings, estimate, objective_value
from analysis.render.table import Column, Table, make_table
from analysis.tables.results import estimate_cell, seeds_note
from study.records import Trial


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted names."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def as_text(value: Any) -> str:
    """A setting as text: plain values as they are, lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)


def describe_schedule(schedule: Mapping[str, Any] | None) -> str:
    """A schedule in one line: `linear, start 0, end 0.8`."""
    if not schedule:
        return ""
    named = {"family", "kind", "name", "type"}
    first = [str(schedule[key]) for key in schedule if key in named][:1]
    rest = [f"{key} {as_text(value)}" for key, value in flat(schedule).items() if key not in named]
    return ", ".join([*first, *rest])


def arms(findings: Findings) -> Table:
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
    for arm in findings.arms:
        definition = arm.definition
        share = estimate(arm.results("mono_share"))
        mean = definition.get("mean_ratio")
        if mean is None and (found := estimate(arm.results("mean_ratio"))) is not None:
            mean = found.mean
        rows.append(
            [
                arm.label,
                _role(arm),
                describe_schedule(definition.get("schedule")),
                mean,
                None if share is None else share.mean,
                definition.get("learning_rate"),
                definition.get("chosen_from") or "",
                len(arm.trials),
                definition.get("description") or "",
            ]
        )
    return make_table("arms", "The arms", columns, rows)


def _role(arm: Arm) -> str:
    belongs = f" of {arm.definition['of']}" if arm.definition.get("of") else ""
    same = f", the same training as {arm.definition['same_as']}" if arm.definition.get("same_as") else ""
    return f"{arm.role}{belongs}{same}"


def search(findings: Findings) -> Table:
    """The search budget of each family and what it found: every family must have had the same."""
    objective, maximise = findings.objective
    columns = [
        Column("family", "Family"),
        Column("planned", "Planned", "count"),
        Column("complete", "Complete", "count"),
        Column("pruned", "Stopped early", "count"),
        Column("failed", "Failed", "count"),
        Column("pairs", "Training pairs", "count"),
        Column("best", f"Best dev {objective}", "score"),
        Column("chosen", "Parameters of the best"),
    ]
    planned = [study.info.get("families", {}) for study in findings.studies]
    families = list(
        dict.fromkeys([*(f for plan in planned for f in plan), *(t.family for t in findings.search_trials())])
    )
    rows = []
    for family in families:
        trials = findings.search_trials(family)
        valued = [
            (value, t)
            for t in trials
            if t.status == "complete" and (value := objective_value(t, objective)) is not None
        ]
        best = (max if maximise else min)(valued, key=lambda pair: pair[0], default=None)
        rows.append(
            [
                family,
                sum(int(plan.get(family, {}).get("trials", 0)) for plan in planned),
                sum(t.status == "complete" for t in trials),
                sum(t.status == "pruned" for t in trials),
                sum(t.status in ("failed", "diverged") for t in trials),
                sum(int((t.result or {}).get("cost", {}).get("pairs") or 0) for t in trials),
                None if best is None else best[0],
                "" if best is None else _parameters(best[1]),
            ]
        )
    notes = ["Parameters are chosen on dev data only; a trial that was stopped early cannot be chosen."]
    return make_table("search", "Search budget by family", columns, rows, notes)


def _parameters(trial: Trial) -> str:
    training = trial.training
    parts = [describe_schedule(training.get("ratio"))]
    parts += [f"{key} {as_text(training[key])}" for key in ("learning_rate", "temperature") if key in training]
    return ", ".join(part for part in parts if part)


def ratio_trials(findings: Findings) -> Table:
    """The constant ratios that the search tried, with their dev value: the curve behind `best static`."""
    objective, _ = findings.objective
    columns = [
        Column("ratio", "\N{GREEK SMALL LETTER ALPHA}", "number"),
        Column("learning_rate", "Learning rate", "number"),
        Column("value", f"Dev {objective}", "score"),
        Column("status", "Status"),
        Column("trial", "Trial"),
    ]
    rows = [
        [ratio, t.training.get("learning_rate"), objective_value(t, objective), t.status, t.id]
        for t in findings.search_trials()
        if (ratio := constant_ratio(t.training.get("ratio"))) is not None
    ]
    rows.sort(key=lambda row: (row[0], row[4]))
    notes = ["One run each: no interval."]
    return make_table("static_ratio", "Constant ratios tried in the search", columns, rows, notes, long=True)


def constant_ratio(schedule: Mapping[str, Any] | None) -> float | None:
    """The ratio of a constant schedule, None for any other."""
    if not schedule or schedule.get("family") != "constant":
        return None
    return float(schedule["value"])


def cost(findings: Findings, watts: float | None = None) -> Table:
    """What a trial of each arm costs, mean over seeds; signal pairs and seconds are what a closed loop adds.

    `watts`: average power of one worker; energy in kWh = hours x workers x watts / 1,000.
    """
    columns = [
        Column("arm", "Arm"),
        Column("pairs", "Training pairs", "count"),
        Column("signal_pairs", "Signal pairs", "count"),
        Column("train_seconds", "Train", "seconds", "s"),
        Column("signal_seconds", "Signal", "seconds", "s"),
        Column("encode_seconds", "Encode", "seconds", "s"),
        Column("score_seconds", "Score", "seconds", "s"),
        Column("wait_seconds", "Wait", "seconds", "s"),
        Column("total_seconds", "Total", "seconds", "s"),
        Column("gpu_hours", "GPU-hours", "number"),
        *([] if watts is None else [Column("energy", "Energy, estimated", "number", "kWh")]),
        Column("parameters", "Parameters", "count"),
        Column("negatives", "Negatives per query", "count"),
        Column("device", "Device"),
    ]
    rows: list[list[Any]] = []
    for arm in findings.arms:
        row: list[Any] = [arm.label]
        for name in ("pairs", "signal_pairs"):
            row.append(_mean(arm.costs(name)))
        row += [_mean(arm.costs(column.key)) for column in columns[3:8]]
        row.append(estimate_cell(estimate(arm.costs("total_seconds"))))
        row.append(_mean(_hours(arm, "gpus", 0)))
        if watts is not None:
            row.append(_mean([hours * watts / 1000 for hours in _hours(arm, "workers", 1)]))
        row += [_mean(arm.results("parameters")), _mean(arm.results("negatives_per_query"))]
        row.append(
            ", ".join(dict.fromkeys(str((t.result or {}).get("cost", {}).get("device", "")) for t in arm.trials))
        )
        rows.append(row)
    notes = ["Per trial, mean over seeds. GPU-hours: seconds in total x GPUs / 3,600.", seeds_note(findings)]
    if watts is not None:
        notes.append(f"Energy is an estimate from one figure, not a measurement: hours x workers x {watts:,g} W.")
    return make_table("cost", "Cost of one trial", columns, rows, notes)


def _hours(arm: Arm, of: str, otherwise: int) -> list[float]:
    """Hours in total times the number of GPUs or workers, by seed."""
    costs = [(t.result or {}).get("cost", {}) for t in arm.trials]
    return [float(c.get("total_seconds") or 0) * float(c.get(of) or otherwise) / 3600 for c in costs]


def _mean(values: list[float]) -> float | None:
    found = estimate(values)
    return None if found is None else found.mean


def efficiency(findings: Findings) -> Table:
    """Inference efficiency where it was measured: latency, throughput, index size."""
    names = [name for name in findings.metric_names if "/efficiency/" in f"/{name}"]
    columns = [
        Column("arm", "Arm"),
        *(Column(name.replace("/", "_"), name.split("efficiency/")[-1], "number") for name in names),
    ]
    rows = (
        [[a.label, *(estimate_cell(estimate(a.values(n).values())) for n in names)] for a in findings.arms]
        if names
        else []
    )
    return make_table("efficiency", "Inference efficiency", columns, rows, [seeds_note(findings)])
