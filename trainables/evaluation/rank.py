"""The rank of every relevant candidate in every pool, from one pass over the scores and without sorting them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    ScoreArray,
    changes,
    descending,
    ordered,
    ranges,
)
from trainables.evaluation.bilingual import BilingualPlaces
from trainables.evaluation.marks import MarkCounter, marks_of
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
        blocks = searched.blocks(pool, columns=columns, block_bytes=block_bytes)
        total = len(pool.queries) * -(-(pool.stop - pool.start) // columns)
        for _ in watch(_counted(blocks, count), f"ranking in {benchmark.name}: row of scores", total):
            pass
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
    """Counts what outranks the relevant candidates of queries, block by block."""

    def __init__(self, benchmark: Benchmark, column: IntArray, counts: Counts, ties: TieRule) -> None:
        self._counts = counts
        self._ties = ties
        self._id_order = benchmark.id_order[np.argsort(column)]
        self._starts = benchmark.relevant_start.astype(np.int64)
        self._column = column[benchmark.relevant]
        self._column_language = np.sort(benchmark.candidate_language, kind="stable")
        self._bounds = np.array(language_bounds(benchmark))
        query, self._language = relevant_languages(benchmark)
        self._query_language = benchmark.query_language[query].astype(np.int64)
        if counts.places is not None:
            self._places = np.searchsorted(counts.places.relevant, np.arange(len(query) + 1))
        self._top = None
        if is_multilingual(benchmark):
            self._top = TopLanguages(len(benchmark.query_language), len(benchmark.languages))
        self._seen = range(0)
        """The columns of the block before, for which marks were made ready."""

    def __call__(self, queries: IntArray, scores: ScoreArray, offset: int) -> None:
        """`scores` are those of the columns from `offset` on, [queries, columns]."""
        seen = range(offset, offset + scores.shape[1])
        if seen != self._seen:
            self._make_ready(seen)
        row, place = ranges(self._starts[queries], self._starts[queries + 1])
        for first in range(0, len(row), len(self._marks)):
            part = slice(first, first + len(self._marks))
            self._count(row[part], place[part], scores)
        if self._top is not None:
            self._top.add(queries, scores, self._column_language[seen.start : seen.stop])

    def finish(self) -> None:
        """Writes what is known only when all blocks were seen."""
        if self._top is not None:
            self._counts.top_languages[:] = self._top.counts(TOP)
            self._counts.first_language[:] = self._top.counts(1)

    def _make_ready(self, seen: range) -> None:
        self._seen = seen
        self._marks = marks_of(max(1, COMPARISON_BYTES // len(seen)), len(seen))
        bounds = np.clip(self._bounds - seen.start, 0, len(seen))
        self._by_language = MarkCounter(bounds, self._marks.shape[1])
        self._in_all = MarkCounter(np.array([0, len(seen)]), self._marks.shape[1])

    def _count(self, row: IntArray, place: IntArray, scores: ScoreArray) -> None:
        """Counts in a block, of which relevant candidates (`place`) have their query in which row."""
        runs = _even_runs(row)
        equal = self._in_all(self._mark(np.equal, runs, place, scores))[:, 0]
        self._counts.equal[place] += equal
        self._add(place, self._by_language(self._mark(np.greater_equal, runs, place, scores)))
        if self._ties == "trec":
            column = self._column[place]
            itself = (column >= self._seen.start) & (column < self._seen.stop)
            tied = np.flatnonzero(equal > itself)
            self._let_greater_ids_precede(row[tied], place[tied], scores)

    def _mark(self, compare: np.ufunc, runs: list["_EvenRun"], place: IntArray, scores: ScoreArray) -> BoolArray:
        """[n, columns and a few], the scores that compare so with each relevant candidate's own."""
        own = self._counts.score[place, None]
        for run in runs:
            shape = run.rows.stop - run.rows.start, run.number, -1
            marks = self._marks[run.part].reshape(shape)[:, :, : len(self._seen)]
            compare(scores[run.rows, None], own[run.part].reshape(shape), out=marks)
        return self._marks[: len(place)]

    def _add(self, place: IntArray, by_language: IntArray) -> None:
        """Adds what was counted in each language, [n, L], for some relevant candidates."""
        counts = self._counts
        counts.at_least[place] += by_language.sum(axis=1)
        counts.at_least_in_language[place] += by_language[np.arange(len(place)), self._language[place]]
        if counts.places is not None:
            which, pool = ranges(self._places[place], self._places[place + 1])
            own = by_language[which, self._query_language[place[which]]]
            counts.at_least_in_two[pool] += own + by_language[which, counts.places.other[pool]]

    def _let_greater_ids_precede(self, row: IntArray, place: IntArray, scores: ScoreArray) -> None:
        """Takes from the counts of relevant candidates those that tie with them and have a smaller id."""
        order = self._id_order[self._seen.start : self._seen.stop]
        for marks, r, n in zip(self._marks, row.tolist(), place.tolist(), strict=False):
            behind = order > self._id_order[self._column[n]]
            marks[: len(order)] = (scores[r] == self._counts.score[n]) & behind
        self._add(place, -self._by_language(self._marks[: len(place)]))


class _EvenRun(NamedTuple):
    """Rows one after the other whose queries have as many relevant candidates each."""

    rows: slice
    number: int
    """Relevant candidates of each row."""
    part: slice
    """Those of all the rows."""


def _even_runs(row: IntArray) -> list[_EvenRun]:
    """The runs of relevant candidates that have their query in these rows, ascending."""
    starts = np.flatnonzero(changes(row)).tolist()
    at = row[starts].tolist()
    number = [stop - start for start, stop in pairwise([*starts, len(row)])]
    bounds = [n for n in range(1, len(at)) if at[n] != at[n - 1] + 1 or number[n] != number[n - 1]]
    return [
        _EvenRun(slice(at[n], at[n] + stop - n), number[n], slice(starts[n], starts[n] + (stop - n) * number[n]))
        for n, stop in pairwise([0, *bounds, len(at)])
    ]


def _counted(blocks: Iterable[tuple[IntArray, int, ScoreArray]], count: _Counter) -> Iterator[int]:
    """Counts in blocks, and passes on the query of each of their rows."""
    for queries, offset, scores in blocks:
        count(queries, scores, offset)
        yield from queries.tolist()


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
    order = ordered(group, descending(score), candidate)
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
