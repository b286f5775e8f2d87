"""Recall: how many of the relevant candidates are found."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Recall(RankingMeasure):
    """Relevant candidates at rank k or before, divided by all relevant ones."""

    name = "recall"
    label = "recall"
    description = "relevant candidates among the first k, divided by all relevant ones"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"
    default = ("recall@1", "recall@10")

    @override
    def values(self, searches: Searches) -> FloatArray:
        return searches.sums(np.where(searches.rank <= self.depth, 1.0, 0.0)) / searches.relevant
