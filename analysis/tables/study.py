"""How the study was run: arms, search, cost, data, settings, failures."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from analysis.findings import Arm, Findings, estimate, objective_value
from analysis.table import Cell, Column, Table, make_table
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
                arm.role + (f" of {definition['of']}" if definition.get("of") else ""),
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
                sum(int((t.result or {}).get("cost", {}).get("pairs", 0)) for t in trials),
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


def cost(findings: Findings) -> Table:
    """What a trial of each arm costs, mean over seeds; signal pairs and seconds are what a closed loop adds."""
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
        Column("parameters", "Parameters", "count"),
        Column("negatives", "Negatives per query", "count"),
        Column("device", "Device"),
    ]
    rows: list[list[Any]] = []
    for arm in findings.arms:
        row: list[Any] = [arm.label]
        for name in ("pairs", "signal_pairs"):
            row.append(_mean(arm.costs(name)))
        row += [estimate_cell(estimate(arm.costs(column.key))) for column in columns[3:9]]
        row += [_mean(_gpu_hours(arm)), _mean(arm.results("parameters")), _mean(arm.results("negatives_per_query"))]
        row.append(
            ", ".join(dict.fromkeys(str((t.result or {}).get("cost", {}).get("device", "")) for t in arm.trials))
        )
        rows.append(row)
    notes = ["Per trial, mean over seeds. GPU-hours: seconds in total x GPUs / 3,600.", seeds_note(findings)]
    return make_table("cost", "Cost of one trial", columns, rows, notes)


def _gpu_hours(arm: Arm) -> list[float]:
    costs = [(t.result or {}).get("cost", {}) for t in arm.trials]
    return [float(c.get("total_seconds", 0.0)) * float(c.get("gpus", 0)) / 3600 for c in costs]


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


def data(findings: Findings) -> Table:
    """The evaluation data with their fingerprints, and the training data."""
    columns = [
        Column("use", "Use"),
        Column("name", "Name"),
        Column("languages", "Languages"),
        Column("parallel_ids", "Questions", "count"),
        Column("queries", "Queries", "count"),
        Column("candidates", "Candidates", "count"),
        Column("pairs", "Training pairs", "count"),
        Column("fingerprint", "Fingerprint"),
    ]
    rows: dict[str, list[Any]] = {}
    for study in findings.studies:
        held = study.info.get("data", {})
        training = held.get("training", {})
        languages = " ".join(map(str, training.get("languages", ())))
        for item in training.get("sets", ()):
            row = ["training", item.get("name"), languages, item.get("items"), None, None, item.get("pairs")]
            rows.setdefault(repr(row), [*row, str(training.get("fingerprint", ""))])
        groups = (("dev", held.get("dev", {})), ("test", held.get("benchmarks", {})))
        for use, named in groups:
            for name, info in named.items():
                if not isinstance(info, Mapping):
                    continue
                row = [use, name, " ".join(map(str, info.get("languages", ())))]
                row += [info.get(key) for key in ("parallel_ids", "queries", "candidates")]
                rows.setdefault(repr(row), [*row, None, str(info.get("fingerprint", ""))])
    return make_table("data", "Data", columns, [[_plain(v) for v in row] for row in rows.values()])


def overlap(findings: Findings) -> Table:
    """Training items that share text with an evaluation set, as counted before training."""
    columns = [Column("study", "Study"), Column("set", "Training set"), Column("benchmark", "Benchmark")]
    columns.append(Column("dropped", "Items dropped", "count"))
    rows = []
    for study in findings.studies:
        for set_name, benchmark, count in _overlaps(study.info.get("data", {}).get("overlap")):
            rows.append([study.name, set_name, benchmark, count])
    return make_table("overlap", "Overlap between training and evaluation text", columns, rows)


def _overlaps(held: Any) -> Iterable[tuple[str, str, int]]:
    """Reads a list of records or a mapping set -> benchmark -> count."""
    if isinstance(held, Mapping):
        for set_name, counts in held.items():
            for benchmark, count in (counts if isinstance(counts, Mapping) else {"": counts}).items():
                yield (
                    str(set_name),
                    str(benchmark),
                    int(count.get("dropped", 0) if isinstance(count, Mapping) else count),
                )
    elif isinstance(held, list):
        for record in held:
            count = record.get("dropped", record.get("items", 0))
            yield str(record.get("set", "")), str(record.get("benchmark", "")), int(count)


def failures(findings: Findings) -> Table:
    """The trials that failed or diverged, with their errors."""
    columns = [
        Column("trial", "Trial"),
        Column("status", "Status"),
        Column("steps", "Steps", "count"),
        Column("error", "Error"),
    ]
    rows = [
        [t.id, t.status, (t.result or {}).get("steps"), (t.result or {}).get("error") or ""]
        for t in findings.trials
        if t.status in ("failed", "diverged")
    ]
    return make_table("failures", "Trials that failed", columns, rows)


def settings(findings: Findings) -> Table:
    """Settings, versions and hardware of each study."""
    columns = [Column("part", "Part"), Column("name", "Name")]
    columns += [Column(f"value_{i}" if i else "value", study.name) for i, study in enumerate(findings.studies)]
    parts: dict[tuple[str, str], list[str]] = {}
    for index, study in enumerate(findings.studies):
        info = study.info
        named = {key: info.get(key) for key in ("space", "created", "git_commit")}
        for part, values in (("study", named), *((p, info.get(p, {})) for p in ("settings", "versions", "hardware"))):
            for name, value in flat(values or {}).items():
                parts.setdefault((part, name), [""] * len(findings.studies))[index] = as_text(value)
    rows = [[part, name, *values] for (part, name), values in parts.items()]
    return make_table("settings", "Settings, versions and hardware", columns, rows, long=True)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | Cell) else as_text(value)
