"""What measures read: every search of a benchmark, a query in a pool, with the ranks of its relevant candidates."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray, changes, ordered
from trainables.evaluation.bilingual import BilingualPlaces
from trainables.evaluation.pools import is_multilingual
from trainables.evaluation.rank import Ranks

_Array = TypeVar("_Array", bound=npt.NDArray[Any])


@dataclass(frozen=True, eq=False)
class Searches:
    """G searches of a benchmark, and the n relevant candidates that they should find, best first."""

    benchmark: Benchmark
    query: IntArray
    """[G], index of the query."""
    pool: IntArray | None
    """[G], language of the pool (beside the query's, in bilingual pools), index into `Benchmark.languages`; None if all
    search the pool of all languages."""
    search: IntArray
    """[n], 0 .. G - 1, ascending: the search that should find the candidate."""
    rank: IntArray
    """[n], from 1, ascending within a search; `rank.UNRANKED` for what a run of somebody's does not hold."""
    hits: IntArray
    """[n], relevant candidates of the search up to and including this one."""
    grade: IntArray
    """[n], how relevant, from 1."""
    relevant: IntArray
    """[G], number of relevant candidates."""

    @property
    def cell(self) -> IntArray:
        """[G], query language x L + pool language; in the pool of all languages the query language stands for both."""
        asked = self.benchmark.query_language[self.query].astype(np.int64)
        return asked * len(self.benchmark.languages) + (asked if self.pool is None else self.pool)

    def sums(self, gains: FloatArray) -> FloatArray:
        """Adds what each relevant candidate is worth, [n], to one value per search, [G]."""
        return np.bincount(self.search, weights=gains, minlength=len(self.relevant)).astype(np.float64, copy=False)


def group_by_search(
    benchmark: Benchmark,
    query: IntArray,
    language: IntArray | None,
    rank: IntArray,
    relevant: IntArray | None = None,
) -> Searches:
    """Groups relevant candidates by query and, if given, language: all in the order of the benchmark, or the named."""
    languages = len(benchmark.languages)
    key = query if language is None else query * languages + language
    order = ordered(key, rank)
    in_order = key[order]
    is_first = changes(in_order)
    first = np.flatnonzero(is_first)
    keys, search, size = in_order[first], np.cumsum(is_first) - 1, np.diff(first, append=len(order))
    hits = np.arange(len(order)) - first[search] + 1
    of_query, pool = (keys, None) if language is None else np.divmod(keys, languages)
    grade = benchmark.grade[order if relevant is None else relevant[order]].astype(np.int64)
    return Searches(benchmark, of_query, pool, search, rank[order], hits, grade, size)


@dataclass(frozen=True, eq=False)
class Retrieval:
    """A benchmark and the ranks that one encoder gave its relevant candidates, seen in the ways that measures need."""

    benchmark: Benchmark
    ranks: Ranks

    @cached_property
    def is_multilingual(self) -> bool:
        """Whether the pool of all languages was searched: some query has relevant candidates in several languages."""
        return self.ranks.rank is not None and is_multilingual(self.benchmark)

    @cached_property
    def in_one_language(self) -> Searches:
        """Every query in the pool of every language in which it has a relevant candidate."""
        return self._by_language(self.ranks.rank_in_language)

    @cached_property
    def in_all_languages(self) -> Searches:
        """Every query in the pool of all languages. Raises ValueError if that was not searched."""
        return group_by_search(self.benchmark, self.ranks.query, None, _known(self.ranks.rank))

    @cached_property
    def in_two_languages(self) -> Searches | None:
        """Every query in every bilingual pool in which it has a relevant candidate; None if none was searched."""
        if self.ranks.bilingual is None:
            return None
        places = BilingualPlaces.of(self.benchmark)
        query = self.ranks.query[places.relevant]
        return group_by_search(self.benchmark, query, places.other, self.ranks.bilingual, places.relevant)

    @cached_property
    def with_one_relevant_language(self) -> Searches:
        """Every query in the pool of all languages, of its relevant candidates only those in one language (`pool`).

        Raises ValueError if that pool was not searched.
        """
        # Ranks of lone relevant candidates do not see those of the same language, which stay in the pool.
        alone = self._by_language(_known(self.ranks.rank_alone))
        return Searches(
            alone.benchmark,
            alone.query,
            alone.pool,
            alone.search,
            alone.rank + alone.hits - 1,
            alone.hits,
            alone.grade,
            alone.relevant,
        )

    @property
    def languages_of_the_best(self) -> FloatArray:
        """`Ranks.top_languages`, [Q, L]. Raises ValueError if the pool of all languages was not searched."""
        return _known(self.ranks.top_languages)

    @property
    def languages_of_the_first(self) -> FloatArray:
        """`Ranks.first_language`, [Q, L]. Raises ValueError if the pool of all languages was not searched."""
        return _known(self.ranks.first_language)

    @cached_property
    def finds_first(self) -> BoolArray:
        """[Q], whether a relevant candidate is the first in that pool. Raises ValueError if it was not searched."""
        found = np.zeros(len(self.benchmark.query_language), dtype=bool)
        found[self.ranks.query[_known(self.ranks.rank) == 1]] = True
        return found

    @cached_property
    def first_and_last_rank(self) -> tuple[FloatArray, FloatArray]:
        """Smallest and greatest rank of a query's relevant candidates in the pool of all languages, each [Q].

        Ties are pessimistic here, too: tied candidates stand behind the first and before the last relevant one, so that
        an encoder that tells nothing apart has the greatest distance, not the smallest. (With trec's ties the ranks are
        those of trec_eval, and ids decide.) NaN where they are in one language only.

        Raises:
            ValueError: that pool was not searched.
        """
        rank, best, language = _known(self.ranks.rank), _known(self.ranks.first_rank), self.ranks.language
        found = np.flatnonzero(np.diff(self.benchmark.relevant_start))
        starts = self.benchmark.relevant_start[found]
        parallel = np.maximum.reduceat(language, starts) > np.minimum.reduceat(language, starts)
        first, last = np.full((2, len(self.benchmark.query_language)), np.nan)
        first[found] = np.where(parallel, np.minimum.reduceat(best, starts), np.nan)
        last[found] = np.where(parallel, np.maximum.reduceat(rank, starts), np.nan)
        return first, last

    def _by_language(self, rank: IntArray) -> Searches:
        return group_by_search(self.benchmark, self.ranks.query, self.ranks.language, rank)


def _known(found: _Array | None) -> _Array:
    if found is None:
        raise ValueError("This needs a search of the pool of all languages, which was not made.")
    return found
