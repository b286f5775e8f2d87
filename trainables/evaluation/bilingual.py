"""Bilingual pools: the candidates in the query's language together with those in one other."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray
from trainables.evaluation.pools import is_multilingual, relevant_languages


@dataclass(frozen=True, eq=False)
class BilingualPlaces:
    """The m places of relevant candidates in bilingual pools.

    One in the query's language stands in the pool with each other language, any other one in the pool with its own.
    """

    relevant: IntArray
    """[m], ascending: which relevant candidate, in the order of `Benchmark.relevant`."""
    other: IntArray
    """[m], language of the pool beside the query's, index into `Benchmark.languages`."""

    @classmethod
    def of(cls, benchmark: Benchmark) -> Self:
        """The places in a benchmark; none where no query has relevant candidates in several languages, and none of
        queries in whose language there is no candidate (images).
        """
        nothing = np.zeros(0, dtype=np.int64)
        if not is_multilingual(benchmark):
            return cls(nothing, nothing)
        query, language = relevant_languages(benchmark)
        own = benchmark.query_language[query].astype(np.int64)
        has_candidates = np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages)) > 0
        pooled = np.flatnonzero(has_candidates)
        number = np.where(language == own, len(pooled), 1)
        relevant = np.repeat(np.arange(len(number)), number)
        within = np.arange(len(relevant)) - np.repeat(np.cumsum(number) - number, number)
        other = np.where(language[relevant] == own[relevant], pooled[within], language[relevant])
        kept = (other != own[relevant]) & has_candidates[own[relevant]]
        return cls(relevant[kept], other[kept])


def bilingual_pools(benchmark: Benchmark, queries: IntArray) -> tuple[IntArray, IntArray]:
    """The bilingual pools of some queries, whatever is relevant in them: indices of queries, and of other languages."""
    languages = np.unique(benchmark.candidate_language).astype(np.int64)
    query, other = np.repeat(queries, len(languages)), np.tile(languages, len(queries))
    own = benchmark.query_language[query]
    kept = (other != own) & np.isin(own, languages)
    return query[kept], other[kept]
