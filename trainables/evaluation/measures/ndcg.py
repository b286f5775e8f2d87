"""Normalised discounted cumulative gain."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Ndcg(RankingMeasure):
    """Σ grade / log2(i + 1) over the ranks i <= k of relevant candidates, divided by what a perfect ranking reaches.

    The gain of a candidate is its grade itself (trec_eval, BEIR, mteb).
    """

    name = "ndcg"
    label = "nDCG"
    description = "discounted gain of the relevant candidates among the first k, divided by the greatest possible"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"

    @override
    def values(self, searches: Searches) -> FloatArray:
        gained = np.where(searches.rank <= self.depth, searches.grade / np.log2(searches.rank + 1.0), 0.0)
        best_first = np.lexsort((-searches.grade, searches.search))
        place = np.arange(len(best_first)) - np.repeat(
            np.cumsum(searches.relevant) - searches.relevant, searches.relevant
        )
        possible = np.where(place < self.depth, searches.grade[best_first] / np.log2(place + 2.0), 0.0)
        values: FloatArray = searches.sums(gained) / searches.sums(possible)
        return values
