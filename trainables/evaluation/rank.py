"""The rank of every relevant candidate in every pool, from one pass over the scores and without sorting them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import FloatArray, IntArray, ScoreArray
from trainables.evaluation.pools import by_language, language_bounds, pools, relevant_languages
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings, checked, score_blocks

TOP = 10
"""Places of the ranking whose languages are counted."""

COMPARISON_BYTES = 2**20
"""Size of the buffer of comparisons, small enough to stay in the cache."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the n relevant candidates, in the order of `Benchmark.relevant`; all ranks start at 1.

    Ties are pessimistic: a tied non-relevant candidate ranks before the relevant one; tied relevant candidates rank
    by index. `rank`, `rank_alone` and `top_languages` are None if the pool of all languages was not searched.
    """

    query: IntArray
    """[n], index of the query."""
    language: IntArray
    """[n], language of the candidate, index into `Benchmark.languages`."""
    rank_in_language: IntArray
    """[n], rank in the pool of the candidate's own language."""
    rank: IntArray | None
    """[n], rank in the pool of all languages."""
    rank_alone: IntArray | None
    """[n], the same with the query's other relevant candidates taken out."""
    ties: IntArray
    """[n], non-relevant candidates with exactly its score, in the pool that was searched."""
    top_languages: FloatArray | None
    """[Q, L], how many of the first TOP candidates of the pool of all languages are in each language. Candidates that
    tie for the last places share them evenly, so that the order of the pool does not matter."""
    cutoff: int | None = None
    """Greater ranks are not known and stand as `UNRANKED`; None if all are known."""


UNRANKED = int(np.iinfo(np.int64).max)


def rank_relevant(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Ranks:
    """Ranks every relevant candidate by dot product. Memory beside the embeddings: one block of scores.

    Args:
        benchmark: queries, candidates, and which are relevant.
        query_embeddings: float32 [Q, d] in the order of the benchmark.
        candidate_embeddings: float32 [C, d], likewise.
        block_bytes: size of a block of scores.

    Raises:
        ValueError: as `pools` and `scores.checked` do.
    """
    searched = pools(benchmark)
    query_embeddings, candidate_embeddings = checked(query_embeddings, candidate_embeddings)
    check_sizes(benchmark, query_embeddings, candidate_embeddings)
    column, candidate_embeddings = by_language(benchmark, candidate_embeddings)
    counts = Counts(benchmark)
    count = _Counter(benchmark, column, counts)
    for pool in searched:
        chosen = query_embeddings if len(searched) == 1 else query_embeddings[pool.queries]
        for first, block in score_blocks(chosen, candidate_embeddings[pool.start : pool.stop], block_bytes):
            for query, scores in zip(pool.queries[first : first + len(block)].tolist(), block, strict=True):
                count(query, scores, pool.start)
    return to_ranks(benchmark, counts)


class Counts:
    """Per relevant candidate, what a search has seen of its pool; relevant candidates are counted too."""

    def __init__(self, benchmark: Benchmark) -> None:
        number = len(benchmark.relevant)
        self.score = np.empty(number, dtype=np.float32)
        self.at_least = np.zeros(number, dtype=np.int64)
        """[n], candidates with this score or a higher one."""
        self.at_least_in_language = np.zeros(number, dtype=np.int64)
        """[n], those of its language."""
        self.equal = np.ones(number, dtype=np.int64)
        """[n], candidates with exactly this score."""
        self.top_languages = np.zeros((len(benchmark.query_language), len(benchmark.languages)))


def to_ranks(benchmark: Benchmark, counts: Counts) -> Ranks:
    """Turns counts into ranks: whatever is not relevant and scores at least as high comes first."""
    query, language = relevant_languages(benchmark)
    everywhere = _among_relevant(query, counts.score, benchmark.relevant)
    in_language = _among_relevant(query * len(benchmark.languages) + language, counts.score, benchmark.relevant)
    others = counts.at_least - everywhere.at_least
    ranks = Ranks(
        query=query,
        language=language,
        rank_in_language=counts.at_least_in_language - in_language.at_least + in_language.before + 1,
        rank=others + everywhere.before + 1,
        rank_alone=others + 1,
        ties=counts.equal - everywhere.equal,
        top_languages=counts.top_languages,
    )
    if all(pool.stop - pool.start == len(benchmark.candidate_language) for pool in pools(benchmark)):
        return ranks
    return replace(ranks, rank=None, rank_alone=None, top_languages=None)


def perfect_ranks(benchmark: Benchmark) -> Ranks:
    """The ranks of an encoder that finds every relevant candidate before all others, in the order of the benchmark.

    Raises ValueError as `pools` does.
    """
    pools(benchmark)
    query, language = relevant_languages(benchmark)
    counts = Counts(benchmark)
    # All relevant candidates of a query have one score, and nothing else is counted.
    counts.score[:] = 0.0
    counts.at_least[:] = counts.equal[:] = np.bincount(query)[query]
    _, cell, size = np.unique(query * len(benchmark.languages) + language, return_inverse=True, return_counts=True)
    counts.at_least_in_language[:] = size[cell]
    return to_ranks(benchmark, counts)


def check_sizes(benchmark: Benchmark, queries: Embeddings, candidates: Embeddings) -> None:
    """Raises ValueError unless there is one embedding for every query and every candidate."""
    expected = len(benchmark.query_language), len(benchmark.candidate_language)
    if (queries.shape[0], candidates.shape[0]) != expected:
        raise ValueError(
            f"{benchmark.name} has {expected[0]} queries and {expected[1]} candidates, "
            f"but got {queries.shape[0]} and {candidates.shape[0]} embeddings."
        )


class _Counter:
    """Counts one query after the other."""

    def __init__(self, benchmark: Benchmark, column: IntArray, counts: Counts) -> None:
        self._counts = counts
        self._starts = benchmark.relevant_start.tolist()
        self._column = column[benchmark.relevant]
        self._column_language = np.sort(benchmark.candidate_language, kind="stable")
        bounds = language_bounds(benchmark)
        self._bounds = [(bounds[x], bounds[x + 1]) for x in benchmark.candidate_language[benchmark.relevant].tolist()]
        width = len(self._column_language)
        most = int(np.diff(benchmark.relevant_start).max())
        self._comparisons = np.empty((max(1, min(most, COMPARISON_BYTES // width)), width), dtype=bool)

    def __call__(self, query: int, scores: ScoreArray, offset: int) -> None:
        """`scores` are those of the columns from `offset` on."""
        counts = self._counts
        start, stop = self._starts[query], self._starts[query + 1]
        counts.score[start:stop] = scores[self._column[start:stop] - offset]
        for first in range(start, stop, len(self._comparisons)):
            last = min(stop, first + len(self._comparisons))
            thresholds = counts.score[first:last, None]
            comparisons = self._comparisons[: last - first, : len(scores)]
            np.greater_equal(scores, thresholds, out=comparisons)
            for index, row in enumerate(comparisons, first):
                begin, end = self._bounds[index]
                counts.at_least[index] = np.count_nonzero(row)
                counts.at_least_in_language[index] = np.count_nonzero(row[begin - offset : end - offset])
            np.equal(scores, thresholds, out=comparisons)
            if np.count_nonzero(comparisons) > last - first:
                counts.equal[first:last] = [np.count_nonzero(row) for row in comparisons]
        languages = self._column_language[offset : offset + len(scores)]
        counts.top_languages[query] = top_languages(scores, languages, counts.top_languages.shape[1])


def top_languages(scores: ScoreArray, languages: npt.NDArray[np.int32], number: int) -> FloatArray:
    """How many of the TOP highest scores are in each of `number` languages; ties for the last places share them."""
    places = min(TOP, len(scores))
    last = np.partition(scores, len(scores) - places)[len(scores) - places]
    best = np.flatnonzero(scores >= last)
    if len(best) == places:
        return np.bincount(languages[best], minlength=number).astype(np.float64)
    above = scores[best] > last
    shared = (places - np.count_nonzero(above)) / (len(best) - np.count_nonzero(above))
    return np.bincount(languages[best], np.where(above, 1.0, shared), number).astype(np.float64)


@dataclass(frozen=True, eq=False)
class _AmongRelevant:
    before: IntArray
    at_least: IntArray
    equal: IntArray


def _among_relevant(group: IntArray, score: ScoreArray, candidate: npt.NDArray[np.int32]) -> _AmongRelevant:
    """Per relevant candidate, those of its group that rank before it, score at least as high, score the same."""
    order = np.lexsort((candidate, -score, group))
    position = np.arange(len(order))
    new_group = np.diff(group[order], prepend=-1) != 0
    new_run = new_group | (score[order] != np.roll(score[order], 1))
    group_start = position[new_group][np.cumsum(new_group) - 1]
    run_start = position[new_run]
    run = np.cumsum(new_run) - 1
    run_stop = np.append(run_start[1:], len(order))[run]
    result = np.empty((3, len(order)), dtype=np.int64)
    result[:, order] = position - group_start, run_stop - group_start, run_stop - run_start[run]
    return _AmongRelevant(*result)
