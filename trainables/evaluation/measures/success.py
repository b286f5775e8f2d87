"""Success: whether any relevant candidate is found."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Success(RankingMeasure):
    """1 if any relevant candidate is at rank k or before, else 0.

    What DuReader-retrieval calls Recall@k, image-text retrieval R@k, mteb hit rate and trec_eval success.
    """

    name = "success"
    label = "success"
    description = "whether any relevant candidate is among the first k"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"

    @override
    def values(self, searches: Searches) -> FloatArray:
        return searches.sums(np.where((searches.hits == 1) & (searches.rank <= self.depth), 1.0, 0.0))
