"""How much of the top of a ranking is in the language of the query."""

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.top_share import TopShare
from trainables.evaluation.searches import Retrieval
from trainables.evaluation.top_languages import TOP


class SameLanguageShare(TopShare):
    """Share of the best candidates that are in the language of the query."""

    name = "same_language_share"
    label = "same-language share"
    description = "share of the best k candidates of the pool of all languages that are in the query's language"
    default = (f"{name}@{TOP}",)

    @override
    def chosen(self, retrieval: Retrieval, shares: FloatArray) -> FloatArray:
        asked = retrieval.benchmark.query_language
        own: FloatArray = shares[np.arange(len(asked)), asked]
        return own
