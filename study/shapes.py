"""The shapes that docs/records.md gives to the records, as far as a reader depends on them. Checks raise ValueError."""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

COLUMNS = {
    "per_query.parquet": ("benchmark", "parallel_id", "query_language", "setting", "pool_language"),
    "relevant_ranks.parquet": ("benchmark", "parallel_id", "query_language", "candidate_language"),
}
"""The columns that say what the numbers in the others belong to."""

Object = dict[str, Any]
Number = float | None


class _Shape(BaseModel):
    # Whatever else a record holds is the business of whoever reads it.
    model_config = ConfigDict(strict=True, extra="allow")


class _Corpus(_Shape):
    languages: list[str] = []


class _TrainingData(_Corpus):
    sets: list[Object] = []


class _Data(_Shape):
    training: _TrainingData = _TrainingData()
    dev: _Corpus = _Corpus()
    benchmarks: dict[str, _Corpus] = {}
    overlap: dict[str, int | dict[str, int | dict[str, int]]] | list[dict[str, int | str]] | None = None


class _Family(_Shape):
    trials: int = 0


class _Encoder(_Shape):
    files: dict[str, list[int]] = {}


class _Info(_Shape):
    name: str
    space: str
    settings: Object
    objective: list[Object] | Object | None = None
    main_comparison: list[str] | None = None
    families: dict[str, _Family] = {}
    data: _Data = _Data()
    encoder: _Encoder = _Encoder()
    seen_at: list[int] | None = None
    versions: Object | None = None
    hardware: Object | None = None


class _Status(_Shape):
    state: str
    phase: str
    trials: dict[str, dict[str, int]] = {}


class _Arm(_Shape):
    arm: str
    role: str | None = None
    of: str | None = None
    same_as: str | None = None
    chosen_from: str | None = None
    description: str | None = None
    schedule: Object | None = None
    mean_ratio: Number = None
    learning_rate: Number = None
    temperature: Number = None


class _Training(_Shape):
    ratio: Object | None = None
    steps: Number = None
    batch_size: Number = None
    learning_rate: Number = None
    temperature: Number = None


class _Trial(_Shape):
    id: str
    phase: str
    family: str
    arm: str | None
    number: int | None
    seed: int
    model: str
    training: _Training


class _Report(_Shape):
    __pydantic_extra__: dict[str, Number]
    step: int
    dev: dict[str, Number] | None = None
    signals: Object | None = None


class _Cost(_Shape):
    __pydantic_extra__: dict[str, Number]
    device: str | None = None


class _Result(_Shape):
    status: str
    steps: Number = None
    metrics: dict[str, Number] = {}
    cost: _Cost = _Cost()
    mean_ratio: Number = None
    mono_share: Number = None
    negatives_per_query: Number = None
    parameters: Number = None
    error: str | None = None


_SHAPES: dict[str, TypeAdapter[Any]] = {
    "study.json": TypeAdapter(_Info),
    "status.json": TypeAdapter(_Status),
    "arms.json": TypeAdapter(list[_Arm]),
    "trial.json": TypeAdapter(_Trial),
    "reports.jsonl": TypeAdapter(_Report),
    "result.json": TypeAdapter(_Result),
}


def check_record(name: str, value: Any) -> None:
    """Whether what was read from the JSON file `name`, or from a line of it, can be used; ValueError says why not."""
    try:
        _SHAPES[name].validate_python(value)
    except ValidationError as error:
        raise ValueError(_said(error)) from error
    if name == "arms.json" and len({arm["arm"] for arm in value}) < len(value):
        raise ValueError("it names an arm twice")


def check_table(name: str, table: pd.DataFrame) -> None:
    """Whether a Parquet file of `COLUMNS` has these, and finite or missing numbers in all others."""
    missing = [column for column in COLUMNS[name] if column not in table.columns]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for column in table.columns.difference(list(COLUMNS[name])):
        values = table[column]
        if not pd.api.types.is_numeric_dtype(values) or np.isinf(values.to_numpy(dtype=np.float64, na_value=0)).any():
            raise ValueError(f"column {column} holds other things than finite numbers")


def _said(error: ValidationError) -> str:
    problems = error.errors()
    missing = [".".join(map(str, one["loc"])) for one in problems if one["type"] == "missing"]
    if missing:
        return f"it lacks {', '.join(missing)}"
    place, rule = ".".join(map(str, problems[0]["loc"])) or "it", problems[0]["msg"]
    return f"{place}: {rule[0].lower()}{rule[1:]}"
