"""From ranks to measures per query, and from these to means. Definitions: docs/metrics.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.errors import unknown_name
from trainables.evaluation.rank import IntArray, Ranks

MEASURES = ("map", "recall@1", "recall@10")
"""The measures of every evaluation, unless others are asked for."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Searches:
    """G searches (a query in a pool) and the n relevant candidates that they should find, best first."""

    search: IntArray
    """[n], 0 .. G - 1, ascending."""
    rank: IntArray
    """[n], from 1, ascending within a search."""
    hits: IntArray
    """[n], relevant candidates of the search up to and including this one."""
    relevant: IntArray
    """[G], number of relevant candidates."""


@dataclass(frozen=True, eq=False)
class Setting:
    """The values of one setting (monolingual, cross-lingual or multilingual), one row per query and pool."""

    name: str
    query: IntArray
    """[rows]"""
    pool: IntArray | None
    """[rows], language of the pool; None for the pool of all languages."""
    values: dict[str, FloatArray]
    """[rows] per measure."""


def searches(key: IntArray, rank: IntArray) -> tuple[IntArray, Searches]:
    """Groups relevant candidates by the `key` of their search; returns the distinct keys [G], ascending, beside."""
    order = np.lexsort((rank, key))
    keys, search, size = np.unique(key[order], return_inverse=True, return_counts=True)
    hits = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size) + 1
    return keys, Searches(search, rank[order], hits, size)


def measure(name: str, found: Searches) -> FloatArray:
    """The value of `map`, `map@k`, `recall@k`, `mrr@k` or `ndcg@k` for every search, [G]; UserError for other names."""
    match = re.fullmatch(r"map|(map|recall|mrr|ndcg)@([1-9][0-9]*)", name)
    if match is None:
        raise unknown_name("measure", name, ("map", "map@20", "ndcg@10", "recall@10", "mrr@10"))
    cutoff = int(match[2]) if match[2] else np.iinfo(np.int64).max
    most = np.minimum(found.relevant, cutoff)
    gain, best = {
        "map": (found.hits / found.rank, most),
        "recall": (np.ones(len(found.rank)), found.relevant),
        "mrr": (np.where(found.hits == 1, 1.0 / found.rank, 0.0), 1),
        "ndcg": (1.0 / np.log2(found.rank + 1.0), np.cumsum(1.0 / np.log2(np.arange(most.max()) + 2.0))[most - 1]),
    }[match[1] or "map"]
    kept = np.where(found.rank <= cutoff, gain, 0.0)
    values: FloatArray = np.bincount(found.search, weights=kept, minlength=len(found.relevant)) / best
    return values


def settings(
    ranks: Ranks, query_language: npt.NDArray[np.int32], languages: int, measures: Sequence[str]
) -> list[Setting]:
    """The settings that exist, rows in order of query, then pool.

    Monolingual and cross-lingual leave out queries without a relevant candidate in the pool. Multilingual exists where
    some query has relevant candidates in several languages.
    """
    keys, found = searches(ranks.query * languages + ranks.language, ranks.rank_in_language)
    values = {name: measure(name, found) for name in measures}
    query, pool = np.divmod(keys, languages)
    same = query_language[query] == pool
    result = [
        Setting(name, query[rows], pool[rows], {key: value[rows] for key, value in values.items()})
        for name, rows in (("monolingual", same), ("cross-lingual", ~same))
        if rows.any()
    ]
    if ranks.rank is not None and len(np.unique(query)) < len(query):
        query, found = searches(ranks.query, ranks.rank)
        result.append(Setting("multilingual", query, None, {name: measure(name, found) for name in measures}))
    return result


def means(setting: Setting, query_language: npt.NDArray[np.int32], languages: Sequence[str]) -> dict[str, float]:
    """Macro mean over the (query language[, pool language]) cells, micro mean over the rows, means of the parts.

    Names: `map`, `map:micro`, `map/de` (query language: the mean of its cells) and, cross-lingual, `map/de-en`.
    """
    number = len(languages)
    asked = query_language[setting.query].astype(np.int64)
    cells, cell = np.unique(asked * number + (asked if setting.pool is None else setting.pool), return_inverse=True)
    cell_query, cell_pool = np.divmod(cells, number)
    result: dict[str, float] = {}
    for name, value in setting.values.items():
        by_cell = np.bincount(cell, weights=value) / np.bincount(cell)
        result[name] = float(by_cell.mean())
        result[f"{name}:micro"] = float(value.mean())
        for language in np.unique(cell_query):
            result[f"{name}/{languages[language]}"] = float(by_cell[cell_query == language].mean())
        if setting.name == "cross-lingual":
            for one, other, mean in zip(cell_query, cell_pool, by_cell, strict=True):
                result[f"{name}/{languages[one]}-{languages[other]}"] = float(mean)
    return result
