"""The rank of every relevant candidate in every pool, from one pass over the scores and without sorting them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from trainables.evaluation.bilingual import BilingualPlaces
from trainables.evaluation.pools import is_multilingual, language_bounds, pools, relevant_languages
from trainables.evaluation.scores import BLOCK_BYTES, TILE_COLUMNS, Embeddings
from trainables.evaluation.search import SearchedScores
from trainables.evaluation.tie_rule import TieRule
from trainables.evaluation.top_languages import TOP, TopLanguages
from trainables.watch import Watch, unwatched

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
    bilingual: IntArray | None = None
    """[m], rank at each of the `BilingualPlaces`; None if nobody asked."""


UNRANKED = int(np.iinfo(np.int64).max)
"""Greater than every rank."""


def rank_relevant(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    ties: TieRule = "pessimistic",
    bilingual: bool = False,
    columns: int = TILE_COLUMNS,
    block_bytes: int = BLOCK_BYTES,
    watch: Watch = unwatched,
) -> Ranks:
    """Ranks every relevant candidate by dot product. Memory beside the embeddings: one tile of scores.

    Args:
        benchmark: queries, candidates, and which are relevant.
        query_embeddings: float32 [Q, d] in the order of the benchmark.
        candidate_embeddings: float32 [C, d], likewise.
        ties: how equal scores rank.
        bilingual: whether to rank in bilingual pools, too.
        columns: most candidates of a tile of scores.
        block_bytes: size of a tile.
        watch: shows how far it is.

    Raises:
        ValueError: as `pools` and `SearchedScores` do.
    """
    searched_pools = pools(benchmark)
    searched = SearchedScores(benchmark, query_embeddings, candidate_embeddings)
    counts = Counts(benchmark, bilingual)
    counts.score[:] = searched.relevant
    count = _Counter(benchmark, searched.column, counts, ties)
    for pool in searched_pools:
        rows = searched.rows(pool, columns=columns, block_bytes=block_bytes)
        total = len(pool.queries) * -(-(pool.stop - pool.start) // columns)
        for query, offset, scores in watch(rows, f"ranking in {benchmark.name}: row of scores", total):
            count(query, scores, offset)
    count.finish()
    return to_ranks(benchmark, counts, ties)


class Counts:
    """Per relevant candidate, what a search has seen of its pool; relevant candidates are counted too."""

    def __init__(self, benchmark: Benchmark, bilingual: bool = False) -> None:
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
        self.places = BilingualPlaces.of(benchmark) if bilingual else None
        self.at_least_in_two = np.zeros(0 if self.places is None else len(self.places.other), dtype=np.int64)
        """[m], those of the two languages of each bilingual place."""


def to_ranks(benchmark: Benchmark, counts: Counts, ties: TieRule = "pessimistic") -> Ranks:
    """Turns counts into ranks: 1 + what is not relevant and comes before + what is relevant and comes before."""
    query, language = relevant_languages(benchmark)
    order = benchmark.relevant if ties == "pessimistic" else benchmark.id_order[benchmark.relevant]
    everywhere = _among_relevant(query, counts.score, order)
    in_language = _among_relevant(query * len(benchmark.languages) + language, counts.score, order)
    others = counts.at_least - everywhere.counted(ties)
    rank = others + everywhere.before + 1
    tied = counts.equal - everywhere.equal
    ranks = Ranks(
        query=query,
        language=language,
        rank_in_language=counts.at_least_in_language - in_language.counted(ties) + in_language.before + 1,
        rank=rank,
        rank_alone=others + 1,
        first_rank=rank - tied if ties == "pessimistic" else rank,
        ties=tied,
        top_languages=counts.top_languages,
        first_language=counts.first_language,
        bilingual=_bilingual_ranks(benchmark, counts, query, order, ties),
    )
    if all(pool.stop - pool.start == len(benchmark.candidate_language) for pool in pools(benchmark)):
        return ranks
    return replace(ranks, rank=None, rank_alone=None, first_rank=None, top_languages=None, first_language=None)


def _bilingual_ranks(
    benchmark: Benchmark, counts: Counts, query: IntArray, order: npt.NDArray[np.int32], ties: TieRule
) -> IntArray | None:
    if counts.places is None:
        return None
    of = counts.places.relevant
    pool = query[of] * len(benchmark.languages) + counts.places.other
    in_two = _among_relevant(pool, counts.score[of], order[of])
    return counts.at_least_in_two - in_two.counted(ties) + in_two.before + 1


def perfect_ranks(benchmark: Benchmark, bilingual: bool = False) -> Ranks:
    """The ranks of an encoder that finds every relevant candidate before all others, in the order of the benchmark.

    Takes `bilingual` as `rank_relevant` does. Raises ValueError as `pools` does.
    """
    pools(benchmark)
    query, language = relevant_languages(benchmark)
    counts = Counts(benchmark, bilingual)
    # All relevant candidates of a query have one score, and nothing else is counted.
    counts.score[:] = 0.0
    counts.at_least[:] = counts.equal[:] = np.bincount(query)[query]
    counts.at_least_in_language[:] = _sizes(query * len(benchmark.languages) + language)
    if counts.places is not None:
        counts.at_least_in_two[:] = _sizes(
            query[counts.places.relevant] * len(benchmark.languages) + counts.places.other
        )
    return to_ranks(benchmark, counts)


def _sizes(group: IntArray) -> IntArray:
    """How many are in the group of each, [n]."""
    _, which, size = np.unique(group, return_inverse=True, return_counts=True)
    sizes: IntArray = size[which]
    return sizes


class _Counter:
    """Counts what outranks the relevant candidates of one query after the other, tile by tile."""

    def __init__(self, benchmark: Benchmark, column: IntArray, counts: Counts, ties: TieRule) -> None:
        self._counts = counts
        self._ties = ties
        self._id_order = benchmark.id_order[np.argsort(column)]
        self._starts = benchmark.relevant_start.tolist()
        self._column = column[benchmark.relevant]
        self._column_language = np.sort(benchmark.candidate_language, kind="stable")
        self._bounds = language_bounds(benchmark)
        query, language = relevant_languages(benchmark)
        self._language = language.tolist()
        self._query_language = benchmark.query_language[query].tolist()
        self._other, self._places = [], [0] * (len(language) + 1)
        if counts.places is not None:
            self._other = counts.places.other.tolist()
            self._places = np.searchsorted(counts.places.relevant, np.arange(len(language) + 1)).tolist()
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
                self._count(index, row, offset)
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

    def _count(self, index: int, row: BoolArray, offset: int, sign: int = 1) -> None:
        """Adds the marked columns of a tile to what is counted for a relevant candidate, or takes them from it."""
        counts = self._counts
        counts.at_least[index] += sign * np.count_nonzero(row)
        counts.at_least_in_language[index] += sign * self._marked(row, self._language[index], offset)
        places = range(self._places[index], self._places[index + 1])
        if places:
            own = self._marked(row, self._query_language[index], offset)
            for place in places:
                counts.at_least_in_two[place] += sign * (own + self._marked(row, self._other[place], offset))

    def _marked(self, row: BoolArray, language: int, offset: int) -> int:
        """How many of the marked columns of a tile are in a language."""
        begin, end = self._bounds[language : language + 2]
        return int(np.count_nonzero(row[max(0, begin - offset) : max(0, end - offset)]))

    def _let_greater_ids_precede(self, indices: range, equal: BoolArray, offset: int) -> None:
        """Takes from the counts of relevant candidates those that tie with them and have a smaller id."""
        order = self._id_order[offset : offset + equal.shape[1]]
        for index, row in zip(indices, equal, strict=True):
            behind = row & (order > self._id_order[self._column[index]])
            self._count(index, behind, offset, sign=-1)


@dataclass(frozen=True, eq=False)
class _AmongRelevant:
    before: IntArray
    at_least: IntArray
    equal: IntArray

    def counted(self, ties: TieRule) -> IntArray:
        """How many of them a search counts that does not know which are relevant."""
        return self.at_least if ties == "pessimistic" else self.before + 1


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
