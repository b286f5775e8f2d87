"""Each language's mean embedding taken away: language identity is in good part a shift, and this undoes it for free.

(LIR, Yang et al. 2021, removes the leading directions of each language; this is its plainest form.)
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt

from trainables.corpora.benchmark import Benchmark

Embeddings = npt.NDArray[np.float32]

_BLOCK = 2**16
"""Rows that are in memory at a time."""


def centred(benchmark: Benchmark, queries: Embeddings, candidates: Embeddings) -> tuple[Embeddings, Embeddings]:
    """Returns x - m(language of x), divided by its norm, for all queries and candidates x.

    m is the mean over the language's candidates, for its queries, too: both sides move alike. A language without
    candidates has the mean over its queries. What equals its mean becomes 0, and scores 0 with everything.

    Args:
        benchmark: says which language is whose.
        queries: float32 [Q, d].
        candidates: float32 [C, d]; of a memory-mapped file the result is one, too, without a name, in its folder.
    """
    count = len(benchmark.languages)
    sums, numbers = _sums(candidates, benchmark.candidate_language, count)
    of_queries = _sums(queries, benchmark.query_language, count)
    without = numbers == 0
    sums[without], numbers[without] = of_queries[0][without], of_queries[1][without]
    means = (sums / np.maximum(numbers, 1)[:, None]).astype(np.float32)
    return (
        _less(queries, means, benchmark.query_language),
        _less(candidates, means, benchmark.candidate_language),
    )


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK))


def _sums(
    embeddings: Embeddings, language: npt.NDArray[np.integer], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The sum of the embeddings of every language, [L, d], and their number, [L]."""
    sums = np.zeros((count, embeddings.shape[1]))
    for block in _blocks(len(embeddings)):
        for one in np.unique(language[block]):
            sums[one] += embeddings[block][language[block] == one].sum(axis=0, dtype=np.float64)
    return sums, np.bincount(language, minlength=count).astype(np.int64)


def _less(embeddings: Embeddings, means: Embeddings, language: npt.NDArray[np.integer]) -> Embeddings:
    found = _like(embeddings)
    for block in _blocks(len(embeddings)):
        moved = embeddings[block] - means[language[block]]
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        found[block] = moved / np.where(norms > 0, norms, 1)
    return found


def _like(embeddings: Embeddings) -> Embeddings:
    """Room for as many embeddings, where they lie: in memory or on disk."""
    if not isinstance(embeddings, np.memmap) or embeddings.filename is None:
        return np.empty(embeddings.shape, np.float32)
    with TemporaryFile(dir=Path(embeddings.filename).parent) as file:
        return np.memmap(file, np.float32, mode="w+", shape=embeddings.shape)
