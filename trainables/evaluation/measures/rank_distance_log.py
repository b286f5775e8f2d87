"""Rank distance on a logarithmic scale: ten ranks count more near the top than far down."""

from collections.abc import Mapping

import numpy as np
from typing_extensions import override

from trainables.evaluation.means import ALL, language_means, mean_over_languages
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class RankDistanceLog(BiasMeasure):
    """ln(greatest rank / smallest rank) of a query's relevant candidates in the pool of all languages."""

    name = "rank_distance_log"
    label = "log rank distance"
    description = "logarithm of greatest by smallest rank of a query's relevant candidates in the pool of all languages"
    direction = "minimize"
    unit = "log ratio"
    default = ("rank_distance_log",)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        first, last = retrieval.first_and_last_rank
        return {ALL: mean_over_languages(language_means(retrieval.benchmark, np.log(last / first)))}
