"""How much of the top of a ranking is in the language of the query."""

import numpy as np
from typing_extensions import override

from trainables.errors import UserError
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import QueryBiasMeasure
from trainables.evaluation.searches import Retrieval
from trainables.evaluation.top_languages import TOP


class SameLanguageShare(QueryBiasMeasure):
    """Share of the best candidates (all, if there are fewer) that are in the language of the query.

    Candidates that tie for the last places share them evenly. Queries without a language, images, have none.
    """

    name = "same_language_share"
    label = "same-language share"
    description = "share of the best k candidates of the pool of all languages that are in the query's language"
    direction = "neither"
    unit = "share"
    cutoffs = "required"
    default = (f"same_language_share@{TOP}",)

    @override
    def __post_init__(self) -> None:
        if self.cutoff != TOP:
            raise UserError(
                f"Unknown measure {str(self)!r}: languages are counted in the first {TOP} places only, which is "
                f"{self.name}@{TOP}."
            )

    @override
    def values(self, retrieval: Retrieval) -> FloatArray:
        languages = retrieval.ranks.top_languages
        if languages is None:
            raise ValueError("The languages of the best candidates need a search of the pool of all languages.")
        asked = retrieval.benchmark.query_language
        places = min(TOP, len(retrieval.benchmark.candidate_language))
        share: FloatArray = languages[np.arange(len(asked)), asked] / places
        return np.where(retrieval.benchmark.query_has_language, share, np.nan)
