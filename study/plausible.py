"""Whether numbers in records can be what their names say: a score lies between 0 and 1, a count is none below 0.

A wrong number is worse than a missing one: what fails here counts as damaged.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from trainables.evaluation.measures.record import BOUNDS, MeasureRecord
from trainables.evaluation.metric_name import MetricName, measure_of

_ANY = (-np.inf, np.inf)

_CELL = ["benchmark", "setting", "query_language", "pool_language"]

ROUNDING = 1e-6
"""Values per query are float32, and their means may be as much beyond a bound."""


class Plausible:
    """Checks values of measures by the units that a study recorded for them."""

    def __init__(self, measures: Mapping[str, MeasureRecord]) -> None:
        self._units = {name: measure.unit for name, measure in measures.items()}
        self._by_metric: dict[str, tuple[float, float]] = {}

    def check_metrics(self, metrics: Mapping[str, float]) -> None:
        """Raises ValueError for a summary metric that its measure cannot have."""
        for name, value in metrics.items():
            if name not in self._by_metric:
                self._by_metric[name] = self._bounds(measure_of(name))
            low, high = self._by_metric[name]
            if not low - ROUNDING <= value <= high + ROUNDING:
                raise ValueError(f"{name} is {value:g}, but can only be {_range(low, high)}")

    def check_table(self, table: pd.DataFrame) -> None:
        """Raises ValueError for a column of per_query.parquet with a value that its measure cannot have."""
        for column in table.columns:
            low, high = self._bounds(column)
            if (low, high) == _ANY:
                continue
            values = table[column].to_numpy(dtype=np.float64, na_value=np.nan)
            wrong = values[(values < low - ROUNDING) | (values > high + ROUNDING)]
            if wrong.size:
                raise ValueError(f"a {column} is {wrong[0]:g}, but can only be {_range(low, high)}")

    def check_means(self, table: pa.Table, metrics: Mapping[str, float]) -> None:
        """Raises ValueError where a summary metric is not the mean of its values in per_query.parquet."""
        codes, words = zip(*(_coded(table.column(name)) for name in _CELL), strict=True)
        shape = tuple(map(len, words))
        cell = np.ravel_multi_index(codes, shape)
        for measure in (name for name in table.column_names if self._bounds(name) != _ANY):
            values = table.column(measure).to_numpy().astype(np.float64)
            known = ~np.isnan(values)
            sums, counts = (
                np.bincount(cell[known], weights, minlength=int(np.prod(shape))).reshape(*shape[:2], -1)
                for weights in (values[known], None)
            )
            for place in zip(*np.nonzero(counts.sum(axis=2)), strict=True):
                benchmark, setting = words[0][place[0]], words[1][place[1]]
                held = counts[place] > 0
                macro, micro = (sums[place][held] / counts[place][held]).mean(), sums[place].sum() / counts[place].sum()
                for is_micro, mean in ((False, macro), (True, micro)):
                    name = str(MetricName(benchmark, setting, measure, is_micro))
                    said = metrics.get(name)
                    if said is not None and not abs(said - mean) <= ROUNDING * max(1.0, abs(said)):
                        raise ValueError(f"the mean of its values is {mean:g}, but {name} in result.json is {said:g}")

    def _bounds(self, measure: str) -> tuple[float, float]:
        unit = self._units.get(measure, self._units.get(measure.split("@")[0]))
        return _ANY if unit is None else BOUNDS[unit]


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Texts as numbers, and what these stand for."""
    found = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()


def _range(low: float, high: float) -> str:
    return f"{low:g} or more" if high == np.inf else f"from {low:g} to {high:g}"
