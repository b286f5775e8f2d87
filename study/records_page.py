"""docs/records.md, made from the classes of the records: python -m study.records_page > docs/records.md."""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from study import records
from study.records import (
    ARMS,
    DECISION,
    STATUS,
    STUDY,
    TEXTS,
    ArmsRecord,
    DecisionRecord,
    StatusRecord,
    StudyRecord,
)
from trainables.records import PER_QUERY, RELEVANT_RANKS, REPORTS, RESULT, TRIAL, Report, Result, TrialRecord

FILES: Mapping[str, tuple[type[BaseModel], str]] = {
    STUDY: (StudyRecord, "what was asked: settings, space, data, versions, hardware"),
    STATUS: (StatusRecord, "where the study stands now"),
    ARMS: (ArmsRecord, "the arms of the confirm phase, written when the search has ended"),
    DECISION: (DecisionRecord, "the last decision about more seeds (studies with --until-separable only)"),
    f"trials/<id>/{TRIAL}": (TrialRecord, "what the trial was asked to do"),
    f"trials/<id>/{REPORTS}": (Report, "its progress, one line per report"),
    f"trials/<id>/{RESULT}": (Result, "how it ended; its presence means that the trial is over"),
}
"""The JSON files with their classes."""

OTHERS: Mapping[str, str] = {
    TEXTS: "the text of every test query, for `python -m analysis.compare`; it may be deleted",
    f"trials/<id>/{PER_QUERY}": "one value per query, setting and pool (confirm phase)",
    f"trials/<id>/{RELEVANT_RANKS}": "the rank of every relevant candidate among all languages (confirm phase)",
    "trials/<id>/checkpoint/": "the last checkpoint of an unfinished trial (safetensors and JSON)",
    "trials/<id>/encoder/": "the trained encoder as a Hugging Face folder (confirm phase, with --keep-encoders)",
    "optuna.journal": "the search as Optuna sees it, one Optuna study per branch and cell, for optuna-dashboard",
    "ray/": "Tune's own state; the study does not depend on it",
    "log/": "the messages of Ray and of the workers",
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
        "setting": "monolingual, cross-lingual or multilingual",
        "pool_language": "language of the pool, `*` for all languages",
        "map, recall@1, ...": "value of every measure (float32, null where there is none; docs/metrics.md)",
        "rank_distance, same_language_share@10": "bias of the query; null but in the multilingual setting",
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

A study is one folder, `<storage>/<name>`. Everything in it is JSON, JSON lines or Parquet and can be read without this
project. Files are written whole or not at all. This page is made from the classes in `study/records.py` and
`trainables/records.py`, which write and read the files (`python -m study.records_page`).

The number of the format is {records.FORMAT}. Every JSON file ends with `sha256`, the checksum of its other fields
(of their JSON with sorted keys and no line breaks, as Python's `json.dumps(..., sort_keys=True)` writes it).
`result.json` holds the checksums of all other files of its trial in `files`. What does not match is named and left out.

Studies of format 1 can be reported, not resumed. Times are ISO 8601 in UTC. Names of metrics: docs/metrics.md.
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
    yield from (
        "## Parts",
        "",
        "What the files above are made of. Options of a trial: `python -m study.run --list`.",
        "",
    )
    for name, kind in parts.items():
        yield from _section(name, kind, level="###")
    for name, columns in COLUMNS.items():
        yield from (f"## {name}", "", *_table("column", columns.items()), "")


def _section(name: str, kind: type[BaseModel], level: str = "##") -> Iterator[str]:
    fields = ((f"{field}", _meaning(info)) for field, info in kind.model_fields.items())
    yield from (f"{level} {name}", "", " ".join((kind.__doc__ or "").split()), "", *_table("field", fields), "")


def _table(heading: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from (f"| {heading} | meaning |", "|---|---|")
    for name, meaning in rows:
        yield f"| `{name}` | {meaning} |".replace("\n", " ")


def _meaning(info: Any) -> str:
    part = _record_in(info.annotation)
    link = f" ([{part.__name__}](#{part.__name__.lower()}))" if part is not None else ""
    return f"{' '.join((info.description or '').split())}{link}"


def _parts(kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for info in kind.model_fields.values():
        part = _record_in(info.annotation)
        if part is not None:
            yield part.__name__, part
            yield from _parts(part)


def _record_in(annotation: Any) -> type[BaseModel] | None:
    """The record that a field holds, in whatever collection."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if annotation.__module__ in (records.__name__, "trainables.records") else None
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        found = (_record_in(inner) for inner in typing.get_args(annotation))
        return next((one for one in found if one is not None), None)
    return None


if __name__ == "__main__":
    print(page(), end="")
