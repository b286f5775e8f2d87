"""How much of the pool of all languages is in the language of the query."""

from collections.abc import Mapping

import numpy as np
from typing_extensions import override

from trainables.evaluation.means import ALL
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class SameLanguagePoolShare(BiasMeasure):
    """Share of the pool that is in the query's language, mean over query languages: what no preference gives.

    Images have no language and do not count.
    """

    name = "same_language_pool_share"
    label = "same-language share of the pool"
    description = "share of the pool that is in the query's language: what a ranking without preference gives"
    direction = "neither"
    unit = "share"
    default = ("same_language_pool_share",)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        benchmark = retrieval.benchmark
        candidates = np.bincount(benchmark.candidate_language, minlength=len(benchmark.languages))
        asked = np.unique(benchmark.query_language[benchmark.query_has_language])
        return {ALL: float(candidates[asked].mean() / candidates.sum())} if len(asked) else {}
