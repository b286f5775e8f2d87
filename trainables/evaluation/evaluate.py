"""From embeddings to every number that is reported about a benchmark."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.bias import QueryBias, bias, query_bias
from trainables.evaluation.metrics import MEASURES, Setting, means, settings
from trainables.evaluation.rank import TOP, Ranks, pools, rank_relevant
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings
from trainables.evaluation.top import CUTOFF, rank_top

METRIC_DEFINITION = 1
"""Changes whenever a metric of the same name would get another value; docs/metrics.md says what each number means."""

MAX_EXACT_SCORES = 10**11
"""Above this many scores only the first candidates of each pool are ranked."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one model scored on one benchmark; names and columns are those of docs/records.md."""

    metrics: dict[str, float]
    per_query: pa.Table | None
    relevant_ranks: pa.Table | None
    seconds: float


def evaluate(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    measures: Sequence[str] = MEASURES,
    block_bytes: int = BLOCK_BYTES,
    max_exact_scores: int = MAX_EXACT_SCORES,
    keep_per_query: bool = True,
) -> Evaluation:
    """Scores by dot product (the caller normalises) in every setting that the benchmark has.

    Float32 embeddings [Q, d] and [C, d] in the order of the benchmark, NumPy or torch on any device. If more than
    `max_exact_scores` scores would be needed, each pool is cut after `top.CUTOFF` candidates: `map` becomes
    `map@100`, and what needs all ranks is left out. Raises ValueError for embeddings that do not fit the benchmark,
    hold NaN or overflow, and for a query without a relevant candidate; UserError for an unknown measure.
    """
    started = time.perf_counter()
    wanted = sum(len(pool.queries) * (pool.stop - pool.start) for pool in pools(benchmark))
    if wanted <= max_exact_scores:
        ranks = rank_relevant(benchmark, query_embeddings, candidate_embeddings, block_bytes=block_bytes)
    else:
        ranks = rank_top(benchmark, query_embeddings, candidate_embeddings)
        measures = [f"map@{CUTOFF}" if name == "map" else name for name in measures]
    found = settings(ranks, benchmark.query_language, len(benchmark.languages), measures)
    metrics = {
        f"{benchmark.name}/{setting.name}/{name}": value
        for setting in found
        for name, value in means(setting, benchmark.query_language, benchmark.languages).items()
    }
    biased = query_bias(benchmark, ranks) if any(setting.pool is None for setting in found) else None
    if biased is None:
        metrics[f"{benchmark.name}/ties"] = float(ranks.ties.sum())
    else:
        metrics |= {f"{benchmark.name}/bias/{name}": value for name, value in bias(benchmark, ranks, biased).items()}
    result = Evaluation(metrics, None, None, 0.0)
    if keep_per_query:
        result = replace(
            result,
            per_query=_per_query_table(benchmark, found, biased),
            relevant_ranks=_relevant_ranks_table(benchmark, ranks),
        )
    return replace(result, seconds=time.perf_counter() - started)


def _per_query_table(benchmark: Benchmark, found: Sequence[Setting], biased: QueryBias | None) -> pa.Table:
    parts = []
    for setting in found:
        rows = len(setting.query)
        pool = pa.repeat("*", rows) if setting.pool is None else _names(benchmark.languages, setting.pool)
        distance, share = None, None
        if setting.pool is None and biased is not None:
            distance, share = biased.rank_distance, biased.same_language_share
        columns = _query_columns(benchmark, setting.query)
        columns |= {"setting": pa.repeat(setting.name, rows), "pool_language": pool}
        columns |= {name: _values(value, rows) for name, value in setting.values.items()}
        columns["rank_distance"] = _values(distance, rows)
        columns[f"same_language_share@{TOP}"] = _values(share, rows)
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _relevant_ranks_table(benchmark: Benchmark, ranks: Ranks) -> pa.Table | None:
    if ranks.rank is None or ranks.cutoff is not None:
        return None
    columns = _query_columns(benchmark, ranks.query)
    columns["candidate_language"] = _names(benchmark.languages, ranks.language)
    columns["rank"] = pa.array(ranks.rank, type=pa.int32())
    columns["rank_alone"] = pa.array(ranks.rank_alone, type=pa.int32())
    return pa.table(columns)


def _query_columns(benchmark: Benchmark, query: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    return {
        "benchmark": pa.repeat(benchmark.name, len(query)),
        "parallel_id": _names(benchmark.parallel_ids, benchmark.query_parallel[query]),
        "query_language": _names(benchmark.languages, benchmark.query_language[query]),
    }


def _names(names: Sequence[str], index: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(names, type=pa.string()).take(pa.array(index))


def _values(values: npt.NDArray[np.float64] | None, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, type=pa.float32())
    return pa.array(values.astype(np.float32), from_pandas=True)
