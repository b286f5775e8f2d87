"""The rank of every relevant candidate in every pool, from one pass over the scores and without sorting them."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from trainables.evaluation.pools import by_language, language_bounds, pools, relevant_languages
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings, checked, score_blocks

TieRule = Literal["pessimistic", "trec"]
"""How equal scores rank. Pessimistic: what is not relevant comes first, so that the order of a pool decides nothing.
Trec: the greater id comes first, as in trec_eval, for numbers to be set beside published ones."""

TOP = 10
"""Places of the ranking whose languages are counted."""

COMPARISON_BYTES = 2**20
"""Size of the buffer of comparisons, small enough to stay in the cache."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the n relevant candidates, in the order of `Benchmark.relevant`; all ranks start at 1.

    A tied non-relevant candidate ranks before the relevant one, and tied relevant candidates rank by index, unless ties
    are broken as trec_eval does. `rank`, `rank_alone` and `top_languages` are None if the pool of all languages was not
    searched.
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
    ties: TieRule = "pessimistic",
    block_bytes: int = BLOCK_BYTES,
) -> Ranks:
    """Ranks every relevant candidate by dot product. Memory beside the embeddings: one block of scores.

    Args:
        benchmark: queries, candidates, and which are relevant.
        query_embeddings: float32 [Q, d] in the order of the benchmark.
        candidate_embeddings: float32 [C, d], likewise.
        ties: how equal scores rank.
        block_bytes: size of a block of scores.

    Raises:
        ValueError: as `pools` and `scores.checked` do.
    """
    searched = pools(benchmark)
    query_embeddings, candidate_embeddings = checked(query_embeddings, candidate_embeddings)
    check_sizes(benchmark, query_embeddings, candidate_embeddings)
    column, candidate_embeddings = by_language(benchmark, candidate_embeddings)
    counts = Counts(benchmark)
    count = _Counter(benchmark, column, counts, ties)
    for pool in searched:
        chosen = query_embeddings if len(pool.queries) == len(query_embeddings) else query_embeddings[pool.queries]
        for first, block in score_blocks(chosen, candidate_embeddings[pool.start : pool.stop], block_bytes):
            for query, scores in zip(pool.queries[first : first + len(block)].tolist(), block, strict=True):
                count(query, scores, pool.start)
    return to_ranks(benchmark, counts, ties)


class Counts:
    """Per relevant candidate, what a search has seen of its pool; relevant candidates are counted too."""

    def __init__(self, benchmark: Benchmark) -> None:
        number = len(benchmark.relevant)
        self.score = np.empty(number, dtype=np.float32)
        self.at_least = np.zeros(number, dtype=np.int64)
        """[n], candidates with this score or a higher one; with trec's ties those before it and itself."""
        self.at_least_in_language = np.zeros(number, dtype=np.int64)
        """[n], those of its language."""
        self.equal = np.ones(number, dtype=np.int64)
        """[n], candidates with exactly this score."""
        self.top_languages = np.zeros((len(benchmark.query_language), len(benchmark.languages)))


def to_ranks(benchmark: Benchmark, counts: Counts, ties: TieRule = "pessimistic") -> Ranks:
    """Turns counts into ranks: 1 + what is not relevant and comes before + what is relevant and comes before."""
    query, language = relevant_languages(benchmark)
    order = benchmark.relevant if ties == "pessimistic" else benchmark.id_order[benchmark.relevant]
    everywhere = _among_relevant(query, counts.score, order)
    in_language = _among_relevant(query * len(benchmark.languages) + language, counts.score, order)
    relevant, relevant_in_language = (
        one.at_least if ties == "pessimistic" else one.before + 1 for one in (everywhere, in_language)
    )
    others = counts.at_least - relevant
    ranks = Ranks(
        query=query,
        language=language,
        rank_in_language=counts.at_least_in_language - relevant_in_language + in_language.before + 1,
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

    def __init__(self, benchmark: Benchmark, column: IntArray, counts: Counts, ties: TieRule) -> None:
        self._counts = counts
        self._ignored = benchmark.ignored
        self._column_of_candidate = column
        self._ties = ties
        self._id_order = benchmark.id_order[np.argsort(column)]
        self._starts = benchmark.relevant_start.tolist()
        self._column = column[benchmark.relevant]
        self._column_language = np.sort(benchmark.candidate_language, kind="stable")
        bounds = language_bounds(benchmark)
        self._bounds = [(bounds[x], bounds[x + 1]) for x in benchmark.candidate_language[benchmark.relevant].tolist()]
        width = len(self._column_language)
        most = int(np.diff(benchmark.relevant_start).max())
        self._comparisons = np.empty((max(1, min(most, COMPARISON_BYTES // width)), width), dtype=bool)

    def __call__(self, query: int, scores: ScoreArray, offset: int) -> None:
        """`scores` are those of the columns from `offset` on; those of ignored candidates are overwritten."""
        counts = self._counts
        start, stop = self._starts[query], self._starts[query + 1]
        ignored = self._column_of_candidate[self._ignored[query]] - offset
        scores[ignored[(ignored >= 0) & (ignored < len(scores))]] = -np.inf
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
                if self._ties == "trec":
                    self._let_greater_ids_precede(range(first, last), comparisons, offset)
        languages = self._column_language[offset : offset + len(scores)]
        counts.top_languages[query] = top_languages(scores, languages, counts.top_languages.shape[1])

    def _let_greater_ids_precede(self, indices: range, equal: BoolArray, offset: int) -> None:
        """Takes from the counts of relevant candidates those that tie with them and have a smaller id."""
        order = self._id_order[offset : offset + equal.shape[1]]
        for index, row in zip(indices, equal, strict=True):
            behind = row & (order > self._id_order[self._column[index]])
            begin, end = self._bounds[index]
            self._counts.at_least[index] -= np.count_nonzero(behind)
            self._counts.at_least_in_language[index] -= np.count_nonzero(behind[begin - offset : end - offset])


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
