"""The languages of the best candidates of many queries, seen block by block."""

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import BoolArray, FloatArray, IntArray, ScoreArray, changes

TOP = 10
"""Places of the ranking whose languages are counted."""

_RUN = 100
"""Columns whose best is looked at first: the TOP best of a row are in hardly more than TOP such runs."""

_MANY = 2**18

_LOWEST = np.finfo(np.float32).min
"""What a query does not see scores minus infinity, less than this."""


class TopLanguages:
    """The best candidates of every query so far. Those that tie for the last places are all kept, counted per language.

    >>> top = TopLanguages(queries=1, languages=3)
    >>> only = np.array([0])
    >>> top.add(only, np.array([[2.0] * 9 + [1.0] * 2], dtype=np.float32), np.array([0] * 9 + [1, 1], dtype=np.int32))
    >>> top.add(only, np.array([[1.0, 1.0]], dtype=np.float32), np.array([1, 2], dtype=np.int32))
    >>> top.counts(10).tolist(), top.counts(1).tolist()
    ([[9.0, 0.75, 0.25]], [[1.0, 0.0, 0.0]])
    """

    def __init__(self, queries: int, languages: int) -> None:
        self._shape = queries, languages
        self._least = np.full(queries, _LOWEST)
        """[Q], a score that TOP candidates reach; whatever a query sees where there are fewer."""
        self._best = _Best.none()
        self._new: list[_Best] = []
        self._room = _MANY

    def add(self, queries: IntArray, scores: ScoreArray, languages: npt.NDArray[np.int32]) -> None:
        """Adds n candidates with their scores for some queries, [q] and [q, n], and their languages, [n]."""
        least = self._least[queries] = np.maximum(self._least[queries], _reached(scores))
        row, column = np.divmod(np.flatnonzero(scores >= least[:, None]), scores.shape[1])
        self._new.append(_Best(queries[row], scores[row, column], languages[column], np.ones(len(row))))
        self._room -= len(row)
        if self._room < 0:
            self._merge()

    def counts(self, places: int) -> FloatArray:
        """[Q, L], how many of the first `places` candidates, at most TOP (all, if there are fewer), are in each
        language; ties for the last places share them evenly."""
        self._merge()
        best, (before, tied) = self._best, self._best.before_and_tied()
        # Whole numbers first: shares that add up to one are then exactly one.
        shares = np.clip((places - before) * best.weight / tied, 0.0, best.weight)
        cell = best.query * self._shape[1] + best.language
        counts = np.bincount(cell, shares, self._shape[0] * self._shape[1])
        return counts.astype(np.float64, copy=False).reshape(self._shape)

    def _merge(self) -> None:
        """Counts what has one score and one language together: in a collapsed ranking everything ties."""
        if self._new:
            best = _Best.joined([self._best, *self._new]).merged()
            before, _ = best.before_and_tied()
            self._best, self._new = best.where(before < TOP), []
            self._room = max(_MANY, len(self._best.query))


class _Best:
    """Candidates of queries, all [n]."""

    def __init__(self, query: IntArray, score: ScoreArray, language: npt.NDArray[np.int32], weight: FloatArray) -> None:
        self.query, self.score, self.language, self.weight = query, score, language, weight

    @classmethod
    def none(cls) -> "_Best":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.float64))

    @classmethod
    def joined(cls, parts: "list[_Best]") -> "_Best":
        return cls(*(np.concatenate(each) for each in zip(*(part._columns() for part in parts), strict=True)))

    def where(self, kept: BoolArray | IntArray) -> "_Best":
        return _Best(self.query[kept], self.score[kept], self.language[kept], self.weight[kept])

    def merged(self) -> "_Best":
        """One for each query, score and language, the best first, with how many there are (`weight`)."""
        ordered = self.where(np.lexsort((self.language, -self.score, self.query)))
        starts = np.flatnonzero(changes(ordered.query) | changes(ordered.score) | changes(ordered.language))
        first = ordered.where(starts)
        if len(starts):
            first.weight = np.add.reduceat(ordered.weight, starts)
        return first

    def before_and_tied(self) -> tuple[FloatArray, FloatArray]:
        """Of those that are `merged`, how many of the query's score more than each, and how many the same."""
        new_query = changes(self.query)
        new_score = new_query | changes(self.score)
        reached = np.append(0.0, np.cumsum(self.weight))
        start = np.flatnonzero(new_score)
        run = np.cumsum(new_score) - 1
        first = reached[:-1][new_query][np.cumsum(new_query) - 1]
        tied = np.diff(reached[np.append(start, len(run))])
        return reached[start][run] - first, tied[run]

    def _columns(self) -> tuple[IntArray, ScoreArray, npt.NDArray[np.int32], FloatArray]:
        return self.query, self.score, self.language, self.weight


def _reached(scores: ScoreArray) -> ScoreArray:
    """A score that TOP candidates of each row reach, [q]; minus infinity if there are fewer."""
    rows, columns = scores.shape
    if columns >= TOP * _RUN:
        scores = np.maximum.reduceat(scores, np.arange(0, columns, _RUN), axis=1)
    elif columns < TOP:
        return np.full(rows, -np.inf, dtype=np.float32)
    place = scores.shape[1] - TOP
    return np.partition(scores, place, axis=1)[:, place]
