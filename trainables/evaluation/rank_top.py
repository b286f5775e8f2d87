"""The first candidates of every pool by FAISS, for pools too large to count everything that outranks a candidate."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray, ScoreArray
from trainables.evaluation.pools import by_language, language_bounds, pools
from trainables.evaluation.rank import UNRANKED, Counts, Ranks, check_sizes, to_ranks, top_languages
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings, checked, on_host

CUTOFF = 100
"""Ranks up to this one are exact."""


def rank_top(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    cutoff: int = CUTOFF,
    block_bytes: int = BLOCK_BYTES,
) -> Ranks:
    """The same ranks as `rank_relevant` up to `cutoff`, `UNRANKED` beyond it; `rank_alone` is None; ties pessimistic.

    `ties` and shared places count only candidates that were retrieved. Scores of identical candidates may differ by
    rounding here. Raises ValueError like `rank_relevant`.
    """
    searched = pools(benchmark)
    query_embeddings, candidate_embeddings = checked(query_embeddings, candidate_embeddings)
    check_sizes(benchmark, query_embeddings, candidate_embeddings)
    column, candidate_embeddings = by_language(benchmark, candidate_embeddings)
    queries, candidates = on_host(query_embeddings), on_host(candidate_embeddings)
    column_language = np.sort(benchmark.candidate_language, kind="stable")
    bounds = language_bounds(benchmark)
    # A relevant candidate that ties with the last one retrieved is outranked by all the others but the relevant ones,
    # hence beyond the cut-off, so ties that were not retrieved do no harm.
    depth = cutoff + int(np.diff(benchmark.relevant_start).max()) + benchmark.ignored.longest
    rows = max(1, block_bytes // (12 * depth * len(benchmark.languages)))
    counts = Counts(benchmark)
    for pool in searched:
        parts = [(a, b) for a, b in pairwise(bounds) if pool.start <= a < b <= pool.stop]
        for first in range(0, len(pool.queries), rows):
            numbers = pool.queries[first : first + rows]
            scores, columns = _retrieve(queries[numbers], candidates, parts, depth)
            for query, row_scores, row_columns in zip(numbers.tolist(), scores, columns, strict=True):
                begin, end = benchmark.relevant_start[query : query + 2].tolist()
                relevant = column[benchmark.relevant[begin:end]]
                row_scores[np.isin(row_columns, column[benchmark.ignored[query]])] = -np.inf
                _count(counts, slice(begin, end), row_scores, row_columns, relevant, column_language)
                languages = column_language[row_columns]
                counts.top_languages[query] = top_languages(row_scores, languages, len(benchmark.languages))
    ranks = to_ranks(benchmark, counts)
    seen = np.isfinite(counts.score)
    return replace(
        ranks,
        rank_in_language=_cut(ranks.rank_in_language, seen, cutoff),
        rank=None if ranks.rank is None else _cut(ranks.rank, seen, cutoff),
        rank_alone=None,
        ties=np.where(seen, ranks.ties, 0),
        cutoff=cutoff,
    )


def _retrieve(
    queries: ScoreArray, candidates: ScoreArray, parts: list[tuple[int, int]], depth: int
) -> tuple[ScoreArray, IntArray]:
    """The `depth` best candidates of each part (a language): scores and columns, both [Q, sum over parts]."""
    import faiss

    scores, columns = [], []
    for begin, end in parts:
        # The search of IndexFlatIP without its copy of the candidates.
        score, column = faiss.knn(
            queries, candidates[begin:end], min(depth, end - begin), metric=faiss.METRIC_INNER_PRODUCT
        )
        scores.append(score)
        columns.append(column + begin)
    return np.hstack(scores), np.hstack(columns)


def _count(
    counts: Counts,
    where: slice,
    scores: ScoreArray,
    columns: IntArray,
    relevant: IntArray,
    column_language: npt.NDArray[np.int32],
) -> None:
    place = columns == relevant[:, None]
    counts.score[where] = np.where(place.any(axis=1), scores[place.argmax(axis=1)], -np.inf)
    own = counts.score[where, None]
    at_least = scores >= own
    same_language = column_language[columns] == column_language[relevant][:, None]
    counts.at_least[where] = np.count_nonzero(at_least, axis=1)
    counts.at_least_in_language[where] = np.count_nonzero(at_least & same_language, axis=1)
    counts.equal[where] = np.count_nonzero(scores == own, axis=1)


def _cut(ranks: IntArray, seen: npt.NDArray[np.bool_], cutoff: int) -> IntArray:
    return np.where(seen & (ranks <= cutoff), ranks, UNRANKED)
