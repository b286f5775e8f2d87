"""docs/records.md, made from the classes of the records: python -m study.records_page > docs/records.md.

>>> print(next(line for line in page().splitlines() if "`main_comparison`" in line))
| `main_comparison` | [string, string] or null | the two arms that the question is about; null where `--arms` or \
`--without` left one of them out |
"""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from study.records import (
    ARMS,
    DECISION,
    FORMAT,
    MEASUREMENTS,
    STATUS,
    STUDY,
    TEXTS,
    ArmsRecord,
    DecisionRecord,
    StatusRecord,
    StudyRecord,
)
from trainables.evaluation.efficiency.records import MeasurementRecord
from trainables.evaluation.measures.record import MeasureRecord
from trainables.records import (
    LOG,
    PER_QUERY,
    RELEVANT_RANKS,
    REPORTS,
    RESULT,
    TRIAL,
    LogLine,
    Record,
    Report,
    Result,
    TrialRecord,
)

FILES: Mapping[str, tuple[type[BaseModel], str]] = {
    STUDY: (StudyRecord, "what was asked: settings, space, data, versions, hardware"),
    STATUS: (StatusRecord, "where the study stands now"),
    ARMS: (ArmsRecord, "the arms of the confirm phase, written when the search has ended"),
    DECISION: (DecisionRecord, "the last decision about more seeds (studies with --until-separable only)"),
    f"trials/<id>/{TRIAL}": (TrialRecord, "what the trial was asked to do"),
    f"trials/<id>/{REPORTS}": (Report, "its progress, one line per report"),
    f"trials/<id>/{LOG}": (LogLine, "what its process said, warnings and tracebacks included; it may be deleted"),
    f"trials/<id>/{RESULT}": (Result, "how it ended; its presence means that the trial is over"),
    f"{MEASUREMENTS}/<id>.json": (MeasurementRecord, "the efficiency of an encoder (spaces about efficiency only)"),
}
"""The JSON files with their classes."""

OTHERS: Mapping[str, str] = {
    TEXTS: "the text of every test query, for python -m analysis.compare; it may be deleted",
    f"trials/<id>/{PER_QUERY}": "one value per query, setting and pool (confirm phase)",
    f"trials/<id>/{RELEVANT_RANKS}": "the rank of every relevant candidate among all languages (confirm phase)",
    "trials/<id>/checkpoint/": "the last two checkpoints of an unfinished trial (safetensors and JSON)",
    "trials/<id>/encoder/": "the trained encoder for sentence-transformers (confirm phase, as --keep-encoders says); "
    "python -m study.export writes it with a card",
    "qrels/": "the judgements for trec_eval, by benchmark (with --keep-runs)",
    "trials/<id>/runs/": "run files of trec_eval by benchmark (confirm phase, with --keep-runs)",
    "trials/<id>/held/": "encoder and embeddings for the measure phase, deleted once they are measured",
    "tensorboard/": "event files by trial (with --log-to tensorboard)",
    "optuna.journal": "the search as Optuna sees it, one Optuna study per branch and cell, for optuna-dashboard",
    "ray/": "Tune's own state; the study does not depend on it",
    "report/": "what python -m analysis.report has written: the page, Markdown, tables, figures; it may be deleted",
    "log/": "Ray's messages to the driver (with remote storage in the temporary folder of its machine)",
    ".lock, .lease.json": "which process runs the study: a lock on a disk, a lease elsewhere (docs/faults.md)",
    ".shared": "what the nodes of a cluster looked for, to see that they share the storage",
    "trials/<id>/.claim, .work": "which process runs the trial, and what it has been busy with for long",
}
"""The other files."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    TEXTS: {
        "benchmark, parallel_id, language": "the query, as in the tables below (where the last is `query_language`)",
        "text": "its text",
    },
    f"trials/<id>/{PER_QUERY}": {
        "benchmark": "name of the benchmark",
        "parallel_id": "the question; its translations share it",
        "query_language": "language of the query",
        "group": "what is one unit of the statistics, where questions depend on each other (captions of one image); "
        "null or absent: the question",
        "setting": "monolingual, cross-lingual, bilingual or multilingual",
        "pool_language": "language of the pool, the other one where there are two, `*` for all languages",
        "map, recall@1, ...": "value of every measure (float32, null where there is none; docs/metrics.md)",
        "rank_distance, same_language_share@10, english_share@10": "bias of the query; multilingual rows only",
        "first_right_own, first_right_other, first_wrong_own, first_wrong_other": "what its first hit is; likewise",
    },
    f"trials/<id>/{RELEVANT_RANKS}": {
        "benchmark, parallel_id, query_language": "the query, as above",
        "candidate_language": "language of the relevant candidate",
        "rank": "its rank in the pool of all languages, from 1",
        "rank_alone": "the same with the query's other relevant candidates taken out",
    },
}
"""The columns of the Parquet files."""

INTRODUCTION = f"""# What a study leaves on disk

A study is one folder, `<storage>/<name>`. Its records are JSON, JSON lines and Parquet and can be read without this
project, while the study runs as well: files are written whole or not at all (lines are added to those of JSON lines).

```python
import json
from pathlib import Path

for trial in sorted(Path("studies/quick/trials").glob("confirm-*")):
    asked = json.loads((trial / "trial.json").read_text())
    result = json.loads((trial / "result.json").read_text())
    found = {{name: value for name, value in result["metrics"].items() if name.endswith("/multilingual/map")}}
    print(asked["arm"], asked["config"]["seed"], result["status"], found)
```

**Format.** This page describes format {FORMAT}. Studies of format 1 can be reported, not resumed.

**Checksums.** The last field of every JSON file, `sha256`, is the checksum of its other fields:
`hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()`. `result.json` holds those of all other files
of its trial but its logs. A file that does not match, or has another form than described here, is named in the report
and left out.

**Times** are ISO 8601 in UTC. **Names of metrics** are explained in [metrics.md](metrics.md).

This page is made from the classes that write and read the files: `python -m study.records_page > docs/records.md`.
"""


def page() -> str:
    """Returns the page as Markdown."""
    return "\n".join([INTRODUCTION, "```", *_tree(), "```", "", *_sections()])


def _tree() -> Iterator[str]:
    described = {**{name: what for name, (_, what) in FILES.items()}, **OTHERS}
    width = max(map(len, described))
    for name, what in described.items():
        yield f"{name:<{width}}  {what}"


def _sections() -> Iterator[str]:
    parts: dict[str, type[BaseModel]] = {}
    for name, (kind, _) in FILES.items():
        yield from _section(name, kind)
        parts |= dict(_parts(kind))
    for name, columns in COLUMNS.items():
        yield from (f"## {name}", "", *_table(("column", "meaning"), columns.items()), "")
    yield from (
        "## Parts",
        "",
        "What the JSON files are made of. Where a type is `options`, the fields are the options of a study "
        "(`python -m study.run --help`) or of a trial (`python -m study.run --list`).",
        "",
    )
    for name, kind in parts.items():
        yield from _section(name, kind, level="###")


def _section(name: str, kind: type[BaseModel], level: str = "##") -> Iterator[str]:
    fields = ((field, _type(info.annotation), info.description or "") for field, info in kind.model_fields.items())
    introduction = " ".join((kind.__doc__ or "").split())
    yield from (f"{level} {name}", "", introduction, "", *_table(("field", "type", "meaning"), fields), "")


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|" + len(headings) * "---|"
    for name, *others in rows:
        yield f"| `{name}` | {' | '.join(' '.join(text.split()) for text in others)} |"


def _type(annotation: Any) -> str:
    """A type as JSON knows it: `[string, ...]`, `{name: integer}`; a part as a link to its section."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one) for one in inner)
    if origin is tuple:
        return f"[{', '.join('...' if one is ... else _type(one) for one in inner)}]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{{name: {_type(inner[1])}}}"
    if _is_part(annotation):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "options"
    return _JSON_TYPES[annotation]


_JSON_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
    Any: "any",
}


def _is_part(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Record | MeasureRecord)


def _parts(kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for info in kind.model_fields.values():
        for part in _parts_in(info.annotation):
            yield part.__name__, part
            yield from _parts(part)


def _parts_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records that a field holds, in whatever collection."""
    if _is_part(annotation):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _parts_in(inner)


if __name__ == "__main__":
    print(page(), end="")
