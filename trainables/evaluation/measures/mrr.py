"""Reciprocal rank of the first hit, whose mean over queries is MRR."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class ReciprocalRank(RankingMeasure):
    """1 / i of the first relevant candidate if its rank i is k or before, otherwise 0."""

    name = "mrr"
    label = "MRR"
    description = "reciprocal rank of the first relevant candidate, 0 if it is not among the first k"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"

    @override
    def values(self, searches: Searches) -> FloatArray:
        first = (searches.hits == 1) & (searches.rank <= self.depth)
        return searches.sums(np.where(first, 1.0 / searches.rank, 0.0))
