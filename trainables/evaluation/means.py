"""From values per search or query to summary values: over cells, over languages, over settings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray
from trainables.evaluation.metric_name import OVERALL_SETTINGS, PAIR_SETTINGS, MetricName, Setting, headlines
from trainables.evaluation.searches import Searches

ALL: tuple[str, ...] = ()
"""The languages of a summary value of all queries."""


@dataclass(frozen=True, eq=False)
class SettingValues:
    """The values of one setting, one row per query and pool."""

    benchmark: Benchmark
    setting: Setting
    query: IntArray
    """[rows]"""
    pool: IntArray | None
    """[rows], as `Searches.pool`."""
    cell: IntArray
    """[rows], as `Searches.cell`."""
    values: Mapping[str, FloatArray]
    """[rows] per measure; NaN where there is none."""

    @classmethod
    def of(
        cls, setting: Setting, searches: Searches, values: Mapping[str, FloatArray], rows: BoolArray | None = None
    ) -> Self:
        """The rows (None: all) of searches and of their values [G] per measure that belong to a setting."""
        kept = np.arange(len(searches.query)) if rows is None else np.flatnonzero(rows)
        pool = None if searches.pool is None else searches.pool[kept]
        held = {measure: value[kept] for measure, value in values.items()}
        return cls(searches.benchmark, setting, searches.query[kept], pool, searches.cell[kept], held)

    def with_zeros(self, queries: IntArray, pools: IntArray | None = None) -> Self:
        """The same with one more row, 0 everywhere, for each of these queries and, if given, its pool; otherwise in the
        pool of its own language, or in that of all languages.
        """
        if not len(queries):
            return self
        language = self.benchmark.query_language[queries].astype(np.int64)
        pool = language if pools is None else pools
        return replace(
            self,
            query=np.concatenate([self.query, queries]),
            pool=None if self.pool is None else np.concatenate([self.pool, pool]),
            cell=np.concatenate([self.cell, language * len(self.benchmark.languages) + pool]),
            values={name: np.concatenate([held, np.zeros(len(queries))]) for name, held in self.values.items()},
        )


def setting_means(benchmark: Benchmark, found: SettingValues) -> dict[MetricName, float]:
    """Macro mean over the cells, micro mean over the rows, means per query language and per cell.

    A cell is a query language, in the cross-lingual and bilingual settings with another language. The value of a query
    language is the mean of its cells. What has no value is left out.
    """
    languages = benchmark.languages
    cells, cell = np.unique(found.cell, return_inverse=True)
    result: dict[MetricName, float] = {}
    for measure, values in found.values.items():
        known = ~np.isnan(values)
        if not known.any():
            continue
        rows = np.bincount(cell[known], minlength=len(cells))
        held = rows > 0
        by_cell = np.bincount(cell[known], weights=values[known], minlength=len(cells))[held] / rows[held]
        cell_query, cell_pool = np.divmod(cells[held], len(languages))
        name = MetricName(benchmark.name, found.setting, measure)
        result[name] = float(by_cell.mean())
        result[MetricName(benchmark.name, found.setting, measure, micro=True)] = float(values[known].mean())
        for language in np.unique(cell_query):
            result[name.among(languages[language])] = float(by_cell[cell_query == language].mean())
        if found.setting in PAIR_SETTINGS:
            for one, other, mean in zip(cell_query, cell_pool, by_cell, strict=True):
                result[name.among(languages[one], languages[other])] = float(mean)
    return result


def overall_means(
    benchmark: Benchmark, measures: Iterable[str], means: Mapping[MetricName, float]
) -> dict[MetricName, float]:
    """The mean of the macro means of three settings, for every measure that has a value in each."""
    result = {}
    for measure in measures:
        names = [MetricName(benchmark.name, setting, measure) for setting in OVERALL_SETTINGS]
        if all(name in means for name in names):
            result[MetricName(benchmark.name, "overall", measure)] = float(np.mean([means[name] for name in names]))
    return result


def collection_means(
    metrics: Mapping[str, float], collections: Iterable[tuple[str, Sequence[str]]]
) -> dict[str, float]:
    """The mean over the members of each collection, of every value for all languages that all of them have.

    >>> metrics = {"a/monolingual/map": 0.2, "b/monolingual/map": 0.4, "b/multilingual/map": 0.1}
    >>> collection_means(metrics, [("both", ["a", "b"]), ("more", ["both", "b"])])
    {'both/monolingual/map': 0.30000000000000004, 'more/monolingual/map': 0.35000000000000003}

    Args:
        metrics: summary values by name.
        collections: names with those of their members: benchmarks, or collections before them.
    """
    means: dict[str, float] = {}
    for name, members in collections:
        known = {**metrics, **means}
        for one in headlines(list(known)):
            values = [known.get(str(one.of(member))) for member in members]
            if one.benchmark == members[0] and one.setting != "bias" and None not in values:
                means[str(one.of(name))] = float(np.mean([value for value in values if value is not None]))
    return means


def language_means(
    benchmark: Benchmark, values: FloatArray, statistic: Callable[[FloatArray], np.floating] = np.mean
) -> dict[tuple[str, ...], float]:
    """The mean, or another statistic, of the values [Q] of each query language; a language without any is left out."""
    known = ~np.isnan(values)
    groups = [(name, known & (benchmark.query_language == x)) for x, name in enumerate(benchmark.languages)]
    return {(name,): float(statistic(values[rows])) for name, rows in groups if rows.any()}


def mean_over_languages(by_language: Mapping[tuple[str, ...], float]) -> float:
    """The mean of the values of all languages."""
    return float(np.mean(list(by_language.values())))
