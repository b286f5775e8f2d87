"""Normalised discounted cumulative gain of judgements that are relevant or not."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Ndcg(RankingMeasure):
    """Σ 1 / log2(i + 1) over the ranks i <= k of relevant candidates, divided by what a perfect ranking reaches."""

    name = "ndcg"
    label = "nDCG"
    description = "discounted gain of the relevant candidates among the first k, divided by the greatest possible"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"

    @override
    def values(self, searches: Searches) -> FloatArray:
        gain = np.where(searches.rank <= self.depth, 1.0 / np.log2(searches.rank + 1.0), 0.0)
        most = np.minimum(searches.relevant, self.depth)
        best = np.cumsum(1.0 / np.log2(np.arange(most.max()) + 2.0))
        values: FloatArray = searches.sums(gain) / best[most - 1]
        return values
