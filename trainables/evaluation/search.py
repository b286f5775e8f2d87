"""The scores of every query in its pool, tile by tile: what ranks, and files of runs, are made from."""

from collections.abc import Iterator

import numpy as np

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import IntArray, ScoreArray, changes, ranges
from trainables.evaluation.pools import Pool, by_language
from trainables.evaluation.scores import BLOCK_BYTES, TILE_COLUMNS, Embeddings, Repeated, checked, on_host, score_tiles

_QUERIES = 24
"""Queries whose relevant candidates are scored together."""

_PAIRS = 2**9
"""Most relevant candidates that are: few enough for their vectors to stay in the cache."""

_CACHED_BYTES = 2**20
"""Size of a block of scores that stays in the cache while it is looked at several times."""


class SearchedScores:
    """Dot products of all queries of a benchmark with the candidates of their pools.

    Candidates stand in columns, in order of language. A relevant candidate has one score, whatever tile it stands in,
    and so has every candidate that is identical to it; what a query does not see has minus infinity.

    Args:
        benchmark: queries, candidates, and which are relevant.
        query_embeddings: float32 [Q, d] in the order of the benchmark.
        candidate_embeddings: float32 [C, d], likewise.

    Raises:
        ValueError: as `scores.checked` does, or there are more or fewer embeddings than queries or candidates.
    """

    def __init__(self, benchmark: Benchmark, query_embeddings: Embeddings, candidate_embeddings: Embeddings) -> None:
        self._queries, candidates = checked(query_embeddings, candidate_embeddings)
        _check_sizes(benchmark, self._queries, candidates)
        self.column, self._candidates = by_language(benchmark, candidates)
        """[C], the column of every candidate."""
        self._starts = benchmark.relevant_start.astype(np.int64)
        self._relevant_column = self.column[benchmark.relevant]
        self._ignored = benchmark.ignored
        self.relevant = self._relevant_scores(benchmark)
        """[n], the scores of the relevant candidates, in the order of `Benchmark.relevant`."""

    def rows(
        self, pool: Pool, *, columns: int = TILE_COLUMNS, block_bytes: int = BLOCK_BYTES
    ) -> Iterator[tuple[int, int, ScoreArray]]:
        """Yields (query, first column, scores of the columns from there on), [columns], as `blocks` does."""
        for queries, offset, block in self.blocks(pool, columns=columns, block_bytes=block_bytes):
            for query, scores in zip(queries.tolist(), block, strict=True):
                yield query, offset, scores

    def blocks(
        self, pool: Pool, *, columns: int = TILE_COLUMNS, block_bytes: int = BLOCK_BYTES
    ) -> Iterator[tuple[IntArray, int, ScoreArray]]:
        """Yields (queries, first column, scores of the columns from there on), [queries, columns], valid until the next
        ones are taken: as many queries as stay in the cache, one at least.

        Args:
            pool: which queries search which columns.
            columns: most columns of a tile.
            block_bytes: size of a tile.
        """
        queries = self._queries if len(pool.queries) == len(self._queries) else self._queries[pool.queries]
        candidates = self._candidates[pool.start : pool.stop]
        repeated = Repeated.of(on_host(candidates))
        own = np.unique(self._relevant_column) - pool.start
        same = repeated.like(own[(own >= 0) & (own < pool.stop - pool.start)])
        identical = {column + pool.start: members + pool.start for column, members in same.items()}
        for tile in score_tiles(queries, candidates, repeated, columns=columns, block_bytes=block_bytes):
            offset = pool.start + tile.candidate
            numbers = pool.queries[tile.query : tile.query + len(tile.scores)]
            rows = max(1, _CACHED_BYTES // tile.scores[0].nbytes)
            for first in range(0, len(numbers), rows):
                some, scores = numbers[first : first + rows], tile.scores[first : first + rows]
                self._correct(some, scores, offset, identical)
                yield some, offset, scores

    def _correct(self, queries: IntArray, scores: ScoreArray, offset: int, identical: dict[int, IntArray]) -> None:
        row, place = ranges(self._starts[queries], self._starts[queries + 1])
        own, columns = self.relevant[place], self._relevant_column[place] - offset
        inside = (columns >= 0) & (columns < scores.shape[1])
        scores[row[inside], columns[inside]] = own[inside]
        if identical:
            for r, column, score in zip(row.tolist(), self._relevant_column[place].tolist(), own, strict=True):
                if column in identical:
                    _set(scores[r], identical[column] - offset, score)
        if self._ignored.longest:
            for query, seen in zip(queries.tolist(), scores, strict=True):
                _set(seen, self.column[self._ignored[query]] - offset, np.float32(-np.inf))

    def _relevant_scores(self, benchmark: Benchmark) -> ScoreArray:
        # Queries with the same relevant candidates, as translations are, come together: few vectors, many pairs.
        queries = np.flatnonzero(np.diff(self._starts))
        queries = queries[np.argsort(benchmark.relevant[self._starts[queries]], kind="stable")]
        row, place = ranges(self._starts[queries], self._starts[queries + 1])
        cuts = np.flatnonzero(changes(row // _QUERIES) | changes(np.arange(len(row)) // _PAIRS)).tolist()
        found = np.empty(len(row), dtype=np.float32)
        for part in map(slice, cuts, [*cuts[1:], len(row)]):
            one, of_one = np.unique(queries[row[part]], return_inverse=True)
            other, of_other = np.unique(self._relevant_column[place[part]], return_inverse=True)
            vectors = (on_host(self._queries[one]), on_host(self._candidates[other]))
            products = np.matmul(vectors[0], vectors[1].T, dtype=np.float64)
            found[place[part]] = products[of_one, of_other]
        return found


def _set(scores: ScoreArray, columns: IntArray, value: np.float32) -> None:
    scores[columns[(columns >= 0) & (columns < len(scores))]] = value


def _check_sizes(benchmark: Benchmark, queries: Embeddings, candidates: Embeddings) -> None:
    expected = len(benchmark.query_language), len(benchmark.candidate_language)
    if (queries.shape[0], candidates.shape[0]) != expected:
        raise ValueError(
            f"{benchmark.name} has {expected[0]} queries and {expected[1]} candidates, "
            f"but got {queries.shape[0]} and {candidates.shape[0]} embeddings."
        )
