"""The median of rank distances: what holds for most queries, whatever a few do."""

from collections.abc import Mapping

import numpy as np
from typing_extensions import override

from trainables.evaluation.means import ALL, language_means, mean_over_languages
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class RankDistanceMedian(BiasMeasure):
    """The median over the queries of a language of greatest less smallest rank, mean over languages."""

    name = "rank_distance_median"
    label = "median rank distance"
    description = "median over the queries of a language of greatest less smallest rank, mean over languages"
    direction = "minimize"
    unit = "ranks"
    default = ("rank_distance_median",)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        first, last = retrieval.first_and_last_rank
        return {ALL: mean_over_languages(language_means(retrieval.benchmark, last - first, np.median))}
