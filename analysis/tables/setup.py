"""What a study stood on: data, overlap, settings, failures."""

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.findings import Findings
from analysis.render.table import Cell, Column, Table, make_table
from analysis.tables.study import as_text, flat


def data(findings: Findings) -> Table:
    """The evaluation data with their fingerprints, and the training data."""
    columns = [
        Column("use", "Use"),
        Column("name", "Name"),
        Column("languages", "Languages"),
        Column("items", "Items or questions", "count"),
        Column("queries", "Queries", "count"),
        Column("candidates", "Candidates", "count"),
        Column("fingerprint", "Fingerprint"),
        Column("reason", "Why left out"),
    ]
    rows: dict[str, list[Any]] = {}
    for study in findings.studies:
        held = study.info.get("data", {})
        training = held.get("training", {})
        languages = " ".join(map(str, training.get("languages", ())))
        for item in training.get("sets", ()):
            use = "left out" if item.get("left_out") else "training"
            row = [use, item.get("name"), languages, item.get("items"), None, None]
            row += [str(training.get("fingerprint", "")), item.get("left_out") or ""]
            rows.setdefault(repr(row), row)
        dev = held.get("dev") or {}
        # The dev set stands alone or, where there are several, by name.
        dev = {str(dev.get("name", "dev")): dev} if "fingerprint" in dev else dev
        groups = (("dev", dev), ("test", held.get("benchmarks", {})))
        for use, named in groups:
            for name, info in named.items():
                if not isinstance(info, Mapping):
                    continue
                row = [use, name, " ".join(map(str, info.get("languages", ())))]
                row += [info.get(key) for key in ("parallel_ids", "queries", "candidates")]
                row += [str(info.get("fingerprint", "")), ""]
                rows.setdefault(repr(row), row)
    return make_table("data", "Data", columns, [[_plain(v) for v in row] for row in rows.values()])


def overlap(findings: Findings) -> Table:
    """Training items that share text with an evaluation set, as counted before training."""
    columns = [Column("study", "Study"), Column("set", "Training set"), Column("benchmark", "Benchmark")]
    columns.append(Column("dropped", "Items dropped", "count"))
    rows = []
    for study, label in findings.labels.items():
        for set_name, benchmark, count in _overlaps(study.info.get("data", {}).get("overlap")):
            rows.append([label, set_name, benchmark, count])
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
    columns += [Column(f"value_{i}" if i else "value", label) for i, label in enumerate(findings.labels.values())]
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
