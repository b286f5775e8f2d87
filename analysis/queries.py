"""Values per question of every arm as arrays, read once per trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.findings import Arm, Findings
from study.records import Trial

Block = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scores:
    """One arm on one (benchmark, setting, metric).

    `values` has the shape (seeds, questions, cells), NaN where a cell has no such query; a cell is an ordered pair of
    query language and pool language. The summary metric is the mean over cells of the means over questions.
    """

    seeds: tuple[int, ...]
    questions: npt.NDArray[np.object_]
    cells: tuple[tuple[str, str], ...]
    values: Block

    @cached_property
    def by_seed(self) -> npt.NDArray[np.float64]:
        """The macro mean of each seed, float64[seeds]."""
        return np.asarray(np.nanmean(np.nanmean(self.values.astype(np.float64), axis=1), axis=1))


class Queries:
    """The per-query files of the arms of `findings`; trials whose file is missing or damaged are left out."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._blocks: dict[int, dict[tuple[str, str, str], pd.DataFrame]] = {}

    def scores(self, arm: Arm, benchmark: str, setting: str, metric: str) -> Scores | None:
        """The values of an arm, None if no trial has any."""
        found = [(t.seed, b) for t in arm.trials if (b := self._of(t).get((benchmark, setting, metric))) is not None]
        if not found:
            return None
        questions = _union([block.index for _, block in found])
        cells = _union([block.columns for _, block in found])
        values = np.stack([block.reindex(index=questions, columns=cells).to_numpy(np.float32) for _, block in found])
        pairs = tuple((str(query), str(pool)) for query, pool in cells)
        return Scores(tuple(seed for seed, _ in found), questions.to_numpy(object), pairs, values)

    def _of(self, trial: Trial) -> Mapping[tuple[str, str, str], pd.DataFrame]:
        key = id(trial)
        if key not in self._blocks:
            frame = trial.per_query()
            self._blocks[key] = {} if frame is None else _blocks(frame)
        return self._blocks[key]


def _union(indices: list[pd.Index]) -> pd.Index:
    first = indices[0]
    for other in indices[1:]:
        if not first.equals(other):
            first = first.union(other)
    return first


def _blocks(frame: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Per (benchmark, setting, metric): questions down, cells (query language, pool language) across."""
    keys = ["parallel_id", "query_language", "pool_language"]
    metrics = [name for name in frame.columns if name not in (*keys, "benchmark", "setting")]
    found = {}
    for (benchmark, setting), part in frame.groupby(["benchmark", "setting"], observed=True, sort=False):
        rows, questions = pd.factorize(part["parallel_id"].astype(object), sort=True)
        cells = pd.MultiIndex.from_frame(part[["query_language", "pool_language"]].astype(object))
        columns, pairs = pd.factorize(cells, sort=True)
        for metric in metrics:
            values = part[metric].to_numpy(np.float32)
            if not np.isnan(values).all():
                block = _mean_by_position(rows, columns, values, (len(questions), len(pairs)))
                names = pd.MultiIndex.from_tuples(list(pairs))
                found[str(benchmark), str(setting), str(metric)] = pd.DataFrame(block, questions, names)
    return found


def _mean_by_position(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], values: Block, shape: tuple[int, int]
) -> Block:
    """The values at their places; where several queries share one (several of a question in a language) their mean."""
    present = ~np.isnan(values)
    flat = (rows * shape[1] + columns)[present]
    size = shape[0] * shape[1]
    count = np.bincount(flat, minlength=size)
    total = np.bincount(flat, weights=values[present].astype(np.float64), minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape), dtype=np.float32)
