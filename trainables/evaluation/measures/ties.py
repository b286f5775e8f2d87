"""How many scores are tied: many ties say that a pessimistic ranking may understate an encoder."""

from collections.abc import Mapping

from typing_extensions import override

from trainables.evaluation.means import ALL
from trainables.evaluation.measures.collapse import TIES
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class Ties(BiasMeasure):
    """Pairs of a relevant and a non-relevant candidate with equal scores, over all queries.

    It stands with the bias values; where a benchmark has none, by itself.
    """

    name = TIES
    label = TIES
    description = "pairs of a relevant and a non-relevant candidate with equal scores"
    direction = "neither"
    unit = "count"
    needs = "one pool"
    default = (TIES,)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        return {ALL: float(retrieval.ranks.ties.sum())}
