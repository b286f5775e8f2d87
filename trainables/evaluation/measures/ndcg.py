"""Normalised discounted cumulative gain, of graded judgements or of such that are relevant or not."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.searches import Searches


class Ndcg(RankingMeasure):
    """Σ gain / log2(i + 1) over the ranks i <= k of relevant candidates, divided by what a perfect ranking reaches.

    The gain is the grade of the judgement (1 without grades), as trec_eval's ndcg_cut has it.
    """

    name = "ndcg"
    label = "nDCG"
    description = "discounted gain of the relevant candidates among the first k, divided by the greatest possible"
    direction = "maximize"
    unit = "score"
    cutoffs = "required"

    @override
    def values(self, searches: Searches) -> FloatArray:
        gains = np.ones(len(searches.rank)) if searches.gains is None else searches.gains
        # The perfect ranking holds the same candidates, the most relevant first: at the places 1 .. |R|.
        perfect = gains[np.lexsort((-gains, searches.search))]
        found, most = (
            searches.sums(np.where(rank <= self.depth, own / np.log2(rank + 1.0), 0.0))
            for own, rank in ((gains, searches.rank), (perfect, searches.hits))
        )
        values: FloatArray = found / most
        return values
