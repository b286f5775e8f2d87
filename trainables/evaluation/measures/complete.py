"""Completeness: whether every relevant candidate is found, in the pool of all languages every translation."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Complete(RankingMeasure):
    """1 if all relevant candidates are at rank k or before, else 0 (arXiv 2604.05684).

    A query with more than k of them cannot reach it.
    """

    name = "complete"
    label = "complete"
    description = "whether all relevant candidates are among the first k"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"
    default = ("complete@10",)

    @override
    def values(self, searches: Searches) -> FloatArray:
        last = searches.hits == searches.relevant[searches.search]
        return searches.sums(np.where(last & (searches.rank <= self.depth), 1.0, 0.0))
