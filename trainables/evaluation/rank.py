"""The rank of every relevant candidate in every pool, from one pass over the scores and without sorting them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from trainables.evaluation.pools import is_multilingual, language_bounds, pools, relevant_languages
from trainables.evaluation.scores import BLOCK_BYTES, TILE_COLUMNS, Embeddings
from trainables.evaluation.search import SearchedScores
from trainables.evaluation.tie_rule import TieRule
from trainables.evaluation.top_languages import TOP, TopLanguages

COMPARISON_BYTES = 2**20
"""Size of the buffer of comparisons, small enough to stay in the cache."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the n relevant candidates, in the order of `Benchmark.relevant`; all ranks start at 1.

    A tied non-relevant candidate ranks before the relevant one, and tied relevant candidates rank by index, unless ties
    are broken as trec_eval does. `rank`, `rank_alone`, `top_languages` and `first_language` are None if the pool of all
    languages was not searched.
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
    first_rank: IntArray | None
    """[n], what `rank` would be if it stood before all non-relevant ones that tie with it; `rank` with trec's ties."""
    ties: IntArray
    """[n], non-relevant candidates with exactly its score, in the pool that was searched."""
    top_languages: FloatArray | None
    """[Q, L], how many of the first TOP candidates of the pool of all languages are in each language. Candidates that
    tie for the last places share them evenly, so that the order of the pool does not matter."""
    first_language: FloatArray | None
    """[Q, L], the language of the first candidate of that pool: 1 in its column, shared evenly by ties."""


UNRANKED = int(np.iinfo(np.int64).max)
"""Greater than every rank."""


def rank_relevant(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    ties: TieRule = "pessimistic",
    columns: int = TILE_COLUMNS,
    block_bytes: int = BLOCK_BYTES,
) -> Ranks:
    """Ranks every relevant candidate by dot product. Memory beside the embeddings: one tile of scores.

    Args:
        benchmark: queries, candidates, and which are relevant.
        query_embeddings: float32 [Q, d] in the order of the benchmark.
        candidate_embeddings: float32 [C, d], likewise.
        ties: how equal scores rank.
        columns: most candidates of a tile of scores.
        block_bytes: size of a tile.

    Raises:
        ValueError: as `pools` and `SearchedScores` do.
    """
    searched_pools = pools(benchmark)
    searched = SearchedScores(benchmark, query_embeddings, candidate_embeddings)
    counts = Counts(benchmark)
    counts.score[:] = searched.relevant
    count = _Counter(benchmark, searched.column, counts, ties)
    for pool in searched_pools:
        for query, offset, scores in searched.rows(pool, columns=columns, block_bytes=block_bytes):
            count(query, scores, offset)
    count.finish()
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
        self.equal = np.zeros(number, dtype=np.int64)
        """[n], candidates with exactly this score."""
        self.top_languages = np.zeros((len(benchmark.query_language), len(benchmark.languages)))
        self.first_language = np.zeros_like(self.top_languages)


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
    rank = others + everywhere.before + 1
    tied = counts.equal - everywhere.equal
    ranks = Ranks(
        query=query,
        language=language,
        rank_in_language=counts.at_least_in_language - relevant_in_language + in_language.before + 1,
        rank=rank,
        rank_alone=others + 1,
        first_rank=rank - tied if ties == "pessimistic" else rank,
        ties=tied,
        top_languages=counts.top_languages,
        first_language=counts.first_language,
    )
    if all(pool.stop - pool.start == len(benchmark.candidate_language) for pool in pools(benchmark)):
        return ranks
    return replace(ranks, rank=None, rank_alone=None, first_rank=None, top_languages=None, first_language=None)


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


class _Counter:
    """Counts what outranks the relevant candidates of one query after the other, tile by tile."""

    def __init__(self, benchmark: Benchmark, column: IntArray, counts: Counts, ties: TieRule) -> None:
        self._counts = counts
        self._ties = ties
        self._id_order = benchmark.id_order[np.argsort(column)]
        self._starts = benchmark.relevant_start.tolist()
        self._column = column[benchmark.relevant]
        self._column_language = np.sort(benchmark.candidate_language, kind="stable")
        bounds = language_bounds(benchmark)
        self._bounds = [(bounds[x], bounds[x + 1]) for x in benchmark.candidate_language[benchmark.relevant].tolist()]
        self._top = None
        if is_multilingual(benchmark):
            self._top = [TopLanguages(len(benchmark.languages)) for _ in benchmark.query_language]
        self._comparisons = np.empty(max(COMPARISON_BYTES, len(column)), dtype=bool)

    def __call__(self, query: int, scores: ScoreArray, offset: int) -> None:
        """`scores` are those of the columns from `offset` on."""
        counts = self._counts
        start, stop = self._starts[query], self._starts[query + 1]
        columns = self._column[start:stop] - offset
        inside = (columns >= 0) & (columns < len(scores))
        rows = max(1, COMPARISON_BYTES // len(scores))
        for first in range(start, stop, rows):
            last = min(stop, first + rows)
            thresholds = counts.score[first:last, None]
            comparisons = self._comparisons[: (last - first) * len(scores)].reshape(last - first, len(scores))
            np.greater_equal(scores, thresholds, out=comparisons)
            for index, row in enumerate(comparisons, first):
                counts.at_least[index] += np.count_nonzero(row)
                counts.at_least_in_language[index] += np.count_nonzero(row[self._in_language(index, offset)])
            np.equal(scores, thresholds, out=comparisons)
            among = inside[first - start : last - start]
            if np.count_nonzero(comparisons) == np.count_nonzero(among):
                counts.equal[first:last] += among
                continue
            counts.equal[first:last] += [np.count_nonzero(row) for row in comparisons]
            if self._ties == "trec":
                self._let_greater_ids_precede(range(first, last), comparisons, offset)
        if self._top is not None:
            self._top[query].add(scores, self._column_language[offset : offset + len(scores)])

    def finish(self) -> None:
        """Writes what is known only when all tiles were seen."""
        if self._top is not None:
            self._counts.top_languages[:] = [top.counts(TOP) for top in self._top]
            self._counts.first_language[:] = [top.counts(1) for top in self._top]

    def _in_language(self, index: int, offset: int) -> slice:
        """Where in a tile the candidates in the language of a relevant candidate stand."""
        begin, end = self._bounds[index]
        return slice(max(0, begin - offset), max(0, end - offset))

    def _let_greater_ids_precede(self, indices: range, equal: BoolArray, offset: int) -> None:
        """Takes from the counts of relevant candidates those that tie with them and have a smaller id."""
        order = self._id_order[offset : offset + equal.shape[1]]
        for index, row in zip(indices, equal, strict=True):
            behind = row & (order > self._id_order[self._column[index]])
            self._counts.at_least[index] -= np.count_nonzero(behind)
            self._counts.at_least_in_language[index] -= np.count_nonzero(behind[self._in_language(index, offset)])


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
