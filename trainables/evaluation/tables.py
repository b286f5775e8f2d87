"""The tables of one evaluation: a row per query and pool, and a row per relevant candidate (docs/records.md)."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import FloatArray, IntArray
from trainables.evaluation.means import SettingValues
from trainables.evaluation.searches import Retrieval


def per_query_table(
    benchmark: Benchmark, found: Sequence[SettingValues], bias: Mapping[str, FloatArray | None]
) -> pa.Table:
    """One row per query, setting and pool.

    `bias` holds a column of values [Q] each, which belong to the pool of all languages: null elsewhere, and everywhere
    for None.
    """
    parts = []
    for setting in found:
        rows = len(setting.query)
        in_all = setting.pool is None
        pool = pa.repeat("*", rows) if setting.pool is None else _names(benchmark.languages, setting.pool)
        columns = _query_columns(benchmark, setting.query)
        columns |= {"setting": pa.repeat(setting.setting, rows), "pool_language": pool}
        columns |= {name: _values(value, rows) for name, value in setting.values.items()}
        columns |= {name: _values(value if in_all else None, rows) for name, value in bias.items()}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def relevant_ranks_table(retrieval: Retrieval) -> pa.Table | None:
    """One row per query and relevant candidate; None if the pool of all languages was not searched."""
    ranks = retrieval.ranks
    if ranks.rank is None:
        return None
    columns = _query_columns(retrieval.benchmark, ranks.query)
    columns["candidate_language"] = _names(retrieval.benchmark.languages, ranks.language)
    columns["rank"] = pa.array(ranks.rank, type=pa.int32())
    columns["rank_alone"] = pa.array(ranks.rank_alone, type=pa.int32())
    return pa.table(columns)


def _query_columns(benchmark: Benchmark, query: IntArray) -> dict[str, pa.Array]:
    columns = {
        "benchmark": pa.repeat(benchmark.name, len(query)),
        "parallel_id": _names(benchmark.parallel_ids, benchmark.query_parallel[query]),
        "query_language": _names(benchmark.languages, benchmark.query_language[query]),
    }
    if benchmark.query_group is not None:
        columns["group"] = _names(benchmark.groups, benchmark.query_group[query])
    return columns


def _names(names: Sequence[str], index: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(names, type=pa.string()).take(pa.array(index))


def _values(values: FloatArray | None, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, type=pa.float32())
    return pa.array(values.astype(np.float32), from_pandas=True)
