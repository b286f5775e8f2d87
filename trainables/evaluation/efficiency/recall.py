"""How much of the exact neighbours a search finds, and what must be set, and paid, for how much of them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trainables.evaluation.arrays import FloatArray, IntArray, ScoreArray
from trainables.evaluation.efficiency.indexes import Found, Index

_ROUNDING = 1e-5
"""Scores that differ by less are equal: two ways of multiplying give the same cosine to about 1e-7 in float32."""


class Neighbours:
    """Queries with the scores of their exact neighbours in a pool.

    Args:
        queries: float32 [Q, d].
        candidates: float32 [n, d], the pool.
        exact: an exact index of the pool.
        count: neighbours of a query.
    """

    def __init__(self, queries: ScoreArray, candidates: ScoreArray, exact: Index, count: int) -> None:
        self.queries, self._candidates, self.count = queries, candidates, min(count, len(candidates))
        self.exact = exact.search(queries, self.count).candidates
        """[Q, k], the exact neighbours."""
        self._least = self._scores(self.exact).min(axis=1)

    def recall(self, found: Found) -> FloatArray:
        """Returns [Q], the share of k candidates found that are as near as the k-th exact one: ties count."""
        near = self._scores(found.candidates) >= self._least[:, None] - _ROUNDING
        shares: FloatArray = near.sum(axis=1) / self.count
        return shares

    def _scores(self, candidates: IntArray) -> ScoreArray:
        scores: ScoreArray = np.einsum("qd,qkd->qk", self.queries, self._candidates[np.maximum(candidates, 0)])
        scores[candidates < 0] = -np.inf
        return scores


@dataclass(frozen=True)
class Needed:
    """What a recall costs."""

    setting: int
    """Least setting that reaches it."""
    distances: float
    """Distance computations per query, interpolated linearly in the recall between that setting and the one below."""
    recall: float
    """What that setting finds: more than was asked for where it is the least setting that there is."""


class Tradeoff:
    """An index, searched by the same queries at several settings; every setting is searched once.

    Args:
        index: with a setting.
        neighbours: queries with their exact neighbours.
    """

    def __init__(self, index: Index, neighbours: Neighbours) -> None:
        self._index, self._neighbours = index, neighbours
        self._found: dict[int, tuple[float, float]] = {}
        # HNSW cannot return more than it keeps.
        self.least = min(index.largest, neighbours.count if index.kind.setting == "ef" else 1)

    def at(self, setting: int) -> tuple[float, float]:
        """Returns mean recall and distance computations per query at a setting."""
        if setting not in self._found:
            found = self._index.search(self._neighbours.queries, self._neighbours.count, setting)
            self._found[setting] = float(self._neighbours.recall(found).mean()), found.distances
        return self._found[setting]

    def needed(self, recall: float) -> Needed | None:
        """Returns what a mean recall needs; None if no setting reaches it.

        Recall is taken to grow with the setting, as it does but for rounding.
        """
        low, high = self.least - 1, self.least
        while self.at(high)[0] < recall:
            if high == self._index.largest:
                return None
            low, high = high, min(2 * high, self._index.largest)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at(middle)[0] >= recall else (middle, high)
        reached, distances = self.at(high)
        if high == self.least:
            return Needed(high, distances, reached)
        below, fewer = self.at(high - 1)
        return Needed(high, fewer + (distances - fewer) * (recall - below) / (reached - below), reached)

    def settings(self, also: Iterable[int]) -> list[int]:
        """Returns settings for a curve, ascending: powers of two from the least one on to beyond those of `also`."""
        wanted = set(also)
        top = min(2 * max(wanted, default=8 * self.least), self._index.largest)
        doubled = {min(self.least * 2**n, top) for n in range(math.ceil(math.log2(top / self.least)) + 1)}
        return sorted(doubled | wanted)
