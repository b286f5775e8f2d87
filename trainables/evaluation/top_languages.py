"""The languages of the best candidates of a query, seen tile by tile."""

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import FloatArray, ScoreArray

TOP = 10
"""Places of the ranking whose languages are counted."""

_MANY = 2**12


class TopLanguages:
    """The best candidates of a query so far. Those that tie for the last places are all kept, counted per language.

    >>> top = TopLanguages(languages=3)
    >>> top.add(np.array([2.0] * 9 + [1.0] * 2, dtype=np.float32), np.array([0] * 9 + [1, 1], dtype=np.int32))
    >>> top.add(np.array([1.0, 1.0], dtype=np.float32), np.array([1, 2], dtype=np.int32))
    >>> top.counts(10).tolist(), top.counts(1).tolist()
    ([9.0, 0.75, 0.25], [1.0, 0.0, 0.0])
    """

    def __init__(self, languages: int) -> None:
        self._number = languages
        self._scores: ScoreArray = np.zeros(0, dtype=np.float32)
        self._languages = np.zeros(0, dtype=np.int32)
        self._weights: FloatArray = np.zeros(0)
        """How many candidates have this score and this language."""

    def add(self, scores: ScoreArray, languages: npt.NDArray[np.int32]) -> None:
        """Adds candidates with their scores and languages, both [n]."""
        kept = np.flatnonzero(scores >= max(_last(self._scores), _last(scores)))
        if not len(kept):
            return
        self._scores = np.concatenate([self._scores, scores[kept]])
        self._languages = np.concatenate([self._languages, languages[kept]])
        self._weights = np.concatenate([self._weights, np.ones(len(kept))])
        if len(self._scores) > _MANY:
            self._compress()

    def counts(self, places: int) -> FloatArray:
        """How many of the first `places` candidates, at most TOP (all, if there are fewer), are in each language; ties
        for the last places share them evenly."""
        if self._weights.sum() <= places:
            return np.bincount(self._languages, self._weights, self._number).astype(np.float64, copy=False)
        order = np.argsort(-self._scores, kind="stable")
        reached = np.cumsum(self._weights[order])
        last = self._scores[order[np.searchsorted(reached, places)]]
        above, tied = self._scores > last, self._scores == last
        first, last_ones = (
            np.bincount(self._languages, self._weights * part, self._number).astype(np.float64, copy=False)
            for part in (above, tied)
        )
        # Whole numbers first: shares that add up to one are then exactly one.
        counts: FloatArray = first + (places - first.sum()) * last_ones / last_ones.sum()
        return counts

    def _compress(self) -> None:
        """Counts what has one score and one language together: in a collapsed ranking everything ties."""
        keys, place = np.unique(np.stack([self._scores, self._languages]), axis=1, return_inverse=True)
        self._weights = np.bincount(place.ravel(), self._weights).astype(np.float64, copy=False)
        self._scores, self._languages = keys[0].astype(np.float32), keys[1].astype(np.int32)


def _last(scores: ScoreArray) -> float:
    """The score of the last of the first TOP places, minus infinity if there are fewer candidates."""
    if len(scores) < TOP:
        return -np.inf
    return float(np.partition(scores, len(scores) - TOP)[len(scores) - TOP])
