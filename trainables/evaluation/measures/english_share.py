"""How much of the top of a ranking is English, for those who did not ask in English."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.top_share import TopShare
from trainables.evaluation.searches import Retrieval
from trainables.evaluation.top_languages import TOP

ENGLISH = "en"


class EnglishShare(TopShare):
    """Share of the best candidates that are English, for queries in other languages; absent without English."""

    name = "english_share"
    label = "English share"
    description = "share of the best k candidates of the pool of all languages that are English, for other queries"
    default = (f"{name}@{TOP}",)

    @override
    def chosen(self, retrieval: Retrieval, shares: FloatArray) -> FloatArray:
        benchmark = retrieval.benchmark
        if ENGLISH not in benchmark.languages:
            return np.full(len(shares), np.nan)
        english = benchmark.languages.index(ENGLISH)
        return np.where(benchmark.query_language != english, shares[:, english], np.nan)
