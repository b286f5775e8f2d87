"""The pools of a benchmark: which queries search which candidates, before anything is scored."""

from dataclasses import dataclass

import numpy as np

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray
from trainables.evaluation.scores import Embeddings


@dataclass(frozen=True)
class Pool:
    """A set of queries and the range of candidates, ordered by language, that they search."""

    queries: IntArray
    start: int
    stop: int


def is_multilingual(benchmark: Benchmark) -> bool:
    """Whether some query has relevant candidates in more than one language."""
    query, language = relevant_languages(benchmark)
    return bool(np.any((query[1:] == query[:-1]) & (language[1:] != language[:-1])))


def relevant_languages(benchmark: Benchmark) -> tuple[IntArray, IntArray]:
    """Per relevant candidate the index of its query and of its language, both [n]."""
    query = np.repeat(np.arange(len(benchmark.query_language)), np.diff(benchmark.relevant_start))
    return query, benchmark.candidate_language[benchmark.relevant].astype(np.int64)


def pools(benchmark: Benchmark) -> list[Pool]:
    """What must be searched: all languages at once or, where every query has one relevant language, only that one.

    Candidate ranges count along the candidates in (stable) order of language. Raises ValueError if no query has a
    relevant candidate.
    """
    if not len(benchmark.relevant):
        raise ValueError(f"No query of {benchmark.name} has a relevant candidate.")
    if is_multilingual(benchmark):
        return [Pool(np.arange(len(benchmark.query_language)), 0, len(benchmark.candidate_language))]
    query, language_of = relevant_languages(benchmark)
    language = np.full(len(benchmark.query_language), -1)
    language[query] = language_of
    bounds = language_bounds(benchmark)
    return [Pool(np.flatnonzero(language == each), bounds[each], bounds[each + 1]) for each in np.unique(language_of)]


def language_bounds(benchmark: Benchmark) -> list[int]:
    """[L + 1], where each language starts along the candidates in order of language."""
    sizes = np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages))
    return [0, *np.cumsum(sizes).tolist()]


def by_language(benchmark: Benchmark, candidates: Embeddings) -> tuple[IntArray, Embeddings]:
    """The column of every candidate, [C], and the embeddings, both in order of language."""
    order = np.argsort(benchmark.candidate_language, kind="stable")
    column = np.empty_like(order)
    column[order] = np.arange(len(order))
    # A pool that is in order already may be too large to copy.
    in_order = bool(np.all(np.diff(benchmark.candidate_language) >= 0))
    return column, candidates if in_order else candidates[order]
