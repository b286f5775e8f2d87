"""Language bias: what the language of a candidate does to its rank at equal relevance. Definitions: docs/metrics.md."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.metrics import searches
from trainables.evaluation.rank import TOP, IntArray, Ranks

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class QueryBias:
    """Values per query [Q] in the pool of all languages; NaN where a query has no such value, None if nobody has."""

    rank_distance: FloatArray | None
    """max - min rank of the relevant candidates; only of queries with relevant candidates in two languages or more."""
    rank_distance_log: FloatArray | None
    """ln(max rank / min rank) of the same queries."""
    same_language_share: FloatArray
    """Share of the first TOP candidates that are in the language of the query."""


def query_bias(benchmark: Benchmark, ranks: Ranks) -> QueryBias:
    """Bias per query; `ranks` must come from the pool of all languages."""
    if ranks.top_languages is None:
        raise ValueError("Language bias needs a search of the pool of all languages.")
    asked = benchmark.query_language
    places = min(TOP, len(benchmark.candidate_language))
    share = ranks.top_languages[np.arange(len(asked)), asked] / places
    if ranks.rank is None or ranks.cutoff is not None:
        return QueryBias(None, None, share)
    starts = benchmark.relevant_start[:-1]
    highest, lowest = np.maximum.reduceat(ranks.rank, starts), np.minimum.reduceat(ranks.rank, starts)
    parallel = np.maximum.reduceat(ranks.language, starts) > np.minimum.reduceat(ranks.language, starts)
    return QueryBias(
        np.where(parallel, highest - lowest, np.nan), np.where(parallel, np.log(highest / lowest), np.nan), share
    )


def relevant_language_map(benchmark: Benchmark, ranks: Ranks) -> tuple[IntArray, IntArray, FloatArray]:
    """Average precision in the pool of all languages if only the relevant candidates of one language are left in it.

    Returns query, language and value per query and language with relevant candidates. Raises ValueError without
    `rank_alone`.
    """
    if ranks.rank_alone is None:
        raise ValueError("The matrix of relevant languages needs the ranks of lone relevant candidates.")
    keys, alone = searches(ranks.query * len(benchmark.languages) + ranks.language, ranks.rank_alone)
    # Lone ranks do not see the relevant candidates of the same language, which stay in the pool.
    precision = alone.hits / (alone.rank + alone.hits - 1)
    query, language = np.divmod(keys, len(benchmark.languages))
    return query, language, np.bincount(alone.search, weights=precision) / alone.relevant


def bias(benchmark: Benchmark, ranks: Ranks, per_query: QueryBias) -> dict[str, float]:
    """The summary values by name: one per query language, then their mean."""
    candidates = np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages))
    asked = np.unique(benchmark.query_language)
    share = _by_language(benchmark, per_query.same_language_share, np.mean)
    result = {
        f"same_language_share@{TOP}": _mean(share),
        "same_language_pool_share": float(candidates[asked].mean() / candidates.sum()),
        "ties": float(ranks.ties.sum()),
    }
    if per_query.rank_distance is not None and per_query.rank_distance_log is not None:
        distance = _by_language(benchmark, per_query.rank_distance, np.mean)
        result["rank_distance"] = _mean(distance)
        result["rank_distance_median"] = _mean(_by_language(benchmark, per_query.rank_distance, np.median))
        result["rank_distance_log"] = _mean(_by_language(benchmark, per_query.rank_distance_log, np.mean))
        result |= {f"rank_distance/{language}": value for language, value in distance.items()}
    if ranks.rank_alone is not None:
        result |= _matrix(benchmark, ranks)
    return result


def _by_language(
    benchmark: Benchmark, values: FloatArray, statistic: Callable[[FloatArray], np.floating]
) -> dict[str, float]:
    """The statistic over the queries of each language, leaving out queries and languages without a value."""
    known = ~np.isnan(values)
    groups = [(name, known & (benchmark.query_language == x)) for x, name in enumerate(benchmark.languages)]
    return {name: float(statistic(values[rows])) for name, rows in groups if rows.any()}


def _mean(by_language: dict[str, float]) -> float:
    return float(np.mean(list(by_language.values())))


def _matrix(benchmark: Benchmark, ranks: Ranks) -> dict[str, float]:
    query, language, value = relevant_language_map(benchmark, ranks)
    number = len(benchmark.languages)
    cells, cell = np.unique(benchmark.query_language[query] * number + language, return_inverse=True)
    mean = np.bincount(cell, weights=value) / np.bincount(cell)
    names = benchmark.languages
    result = {
        f"relevant_language_map/{names[c // number]}-{names[c % number]}": float(m)
        for c, m in zip(cells.tolist(), mean, strict=True)
    }
    diagonal = cells // number == cells % number
    if diagonal.any() and not diagonal.all():
        result["diagonal_gap"] = float(mean[diagonal].mean() - mean[~diagonal].mean())
    return result
