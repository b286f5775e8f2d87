"""Benchmarks: queries and candidates with their languages, and which candidates are relevant to which query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.corpora.pairs import fingerprint


@dataclass(frozen=True)
class Query:
    """A query in one language; queries with the same `parallel_id` are translations of each other."""

    parallel_id: str
    language: str
    text: str


@dataclass(frozen=True)
class Candidate:
    """A passage of the pool."""

    id: str
    language: str
    text: str


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Q queries, C candidates, and for each query its relevant candidates (of every language) as a CSR list.

    A query is known by (parallel id, language), never by its text: equal texts occur.
    """

    name: str
    languages: tuple[str, ...]
    parallel_ids: tuple[str, ...]
    query_texts: tuple[str, ...]
    """Empty, like all texts and ids of candidates, where only token ids are needed."""
    query_language: npt.NDArray[np.int32]
    """[Q], index into `languages`."""
    query_length: npt.NDArray[np.int32]
    """[Q], characters of the text."""
    query_parallel: npt.NDArray[np.int32]
    """[Q], index into `parallel_ids`."""
    candidate_ids: tuple[str, ...]
    candidate_texts: tuple[str, ...]
    candidate_language: npt.NDArray[np.int32]
    """[C], index into `languages`."""
    relevant_start: npt.NDArray[np.int64]
    """[Q + 1]; the relevant candidates of query q are `relevant[relevant_start[q]:relevant_start[q + 1]]`."""
    relevant: npt.NDArray[np.int32]
    """Indices of candidates, ascending within a query."""
    fingerprint: str
    """sha256 over texts, ids, languages and judgements: results with different fingerprints must not be compared."""


def benchmark(
    name: str, queries: Sequence[Query], candidates: Sequence[Candidate], relevant: Sequence[Sequence[int]]
) -> Benchmark:
    """Builds a benchmark from input that is free of mistakes: loaders check files and name the line.

    >>> queries = [Query("capital of France", "en", "What is the capital of France?")]
    >>> candidates = [Candidate("1", "en", "Rome is in Italy."), Candidate("2", "fr", "Paris est la capitale.")]
    >>> built = benchmark("capitals", queries, candidates, relevant=[[1]])
    >>> built.languages, built.candidate_language.tolist(), built.relevant.tolist()
    (('en', 'fr'), [0, 1], [1])

    Args:
        name: how records and tables call it.
        queries: Q queries; every (parallel id, language) occurs once.
        candidates: C candidates with different ids.
        relevant: for each query the indices of its relevant candidates, of every language; may be empty.
    """
    languages = tuple(sorted({q.language for q in queries} | {c.language for c in candidates}))
    number = {language: position for position, language in enumerate(languages)}
    parallel: dict[str, int] = {}
    query_parallel = np.array([parallel.setdefault(q.parallel_id, len(parallel)) for q in queries], dtype=np.int32)
    query_language = np.array([number[q.language] for q in queries], dtype=np.int32)
    candidate_language = np.array([number[c.language] for c in candidates], dtype=np.int32)
    relevant_start = np.concatenate([[0], np.cumsum([len(r) for r in relevant])]).astype(np.int64)
    flat = np.array([c for r in relevant for c in sorted(r)], dtype=np.int32)
    query_texts = tuple(query.text for query in queries)
    candidate_ids = tuple(candidate.id for candidate in candidates)
    candidate_texts = tuple(candidate.text for candidate in candidates)
    digest = fingerprint(
        [(name,), languages, tuple(parallel), query_texts, candidate_ids, candidate_texts],
        [query_language, query_parallel, candidate_language, relevant_start, flat],
    )
    return Benchmark(
        name=name,
        languages=languages,
        parallel_ids=tuple(parallel),
        query_texts=query_texts,
        query_language=query_language,
        query_length=np.array([len(text) for text in query_texts], dtype=np.int32),
        query_parallel=query_parallel,
        candidate_ids=candidate_ids,
        candidate_texts=candidate_texts,
        candidate_language=candidate_language,
        relevant_start=relevant_start,
        relevant=flat,
        fingerprint=digest,
    )
