"""Measures of the languages among the best candidates of the pool of all languages."""

from abc import abstractmethod

import numpy as np
from typing_extensions import override

from trainables.errors import UserError
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import QueryBiasMeasure
from trainables.evaluation.searches import Retrieval
from trainables.evaluation.top_languages import TOP


class TopShare(QueryBiasMeasure):
    """Share of the best candidates (all, if there are fewer) that are in one language.

    Candidates that tie for the last places share them evenly. Queries without a language, images, have none.
    """

    direction = "neither"
    unit = "share"
    cutoffs = "required"

    @override
    def __post_init__(self) -> None:
        if self.cutoff != TOP:
            raise UserError(
                f"Unknown measure {str(self)!r}: languages are counted in the first {TOP} places only, which is "
                f"{self.name}@{TOP}."
            )

    @override
    def values(self, retrieval: Retrieval) -> FloatArray:
        benchmark = retrieval.benchmark
        shares = retrieval.languages_of_the_best / min(TOP, len(benchmark.candidate_language))
        return np.where(benchmark.query_has_language, self.chosen(retrieval, shares), np.nan)

    @abstractmethod
    def chosen(self, retrieval: Retrieval, shares: FloatArray) -> FloatArray:
        """Returns the share that is meant, [Q], of the shares of all languages, [Q, L]; NaN where there is none."""
