"""Average precision, whose mean over queries is mAP."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class AveragePrecision(RankingMeasure):
    """(1 / |R|) Σ h(i) / i over the ranks i of relevant candidates, h(i) of which are at rank i or before.

    Full ranking as LAReQA defines it (arXiv 2004.05484); with a cut-off k over i <= k, divided by min(|R|, k).
    """

    name = "map"
    label = "mAP"
    description = "mean average precision over all ranks, or over the first k divided by min(relevant, k)"
    direction = "maximize"
    unit = "score"
    cutoffs = "optional"
    default = ("map",)

    @override
    def values(self, searches: Searches) -> FloatArray:
        precision = np.where(searches.rank <= self.depth, searches.hits / searches.rank, 0.0)
        return searches.sums(precision) / np.minimum(searches.relevant, self.depth)
