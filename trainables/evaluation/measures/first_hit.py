"""The first hit: whether it is relevant, and whether it is in the language of the query.

The four shares add up to 1. They tell apart what a same-language share cannot: a reader who is served in the own
language, and one who is led away from the answer by it.
"""

from typing import ClassVar

import numpy as np
from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.measures.measure import QueryBiasMeasure
from trainables.evaluation.searches import Retrieval


class FirstHit(QueryBiasMeasure):
    """Share of queries whose first candidate in the pool of all languages is of this sort.

    Where several tie for the first place a relevant one comes last, as in every ranking, and the languages of all that
    tie share the place evenly. Queries without a language, images, have no value.
    """

    direction = "neither"
    unit = "share"
    relevant: ClassVar[bool]
    own_language: ClassVar[bool]

    @override
    def values(self, retrieval: Retrieval) -> FloatArray:
        benchmark = retrieval.benchmark
        asked = benchmark.query_language
        own: FloatArray = retrieval.languages_of_the_first[np.arange(len(asked)), asked]
        share = (retrieval.finds_first == self.relevant) * (own if self.own_language else 1 - own)
        return np.where(benchmark.query_has_language, share, np.nan)


class FirstRightOwn(FirstHit):
    """The answer, in the query's language."""

    name = "first_right_own"
    label = "first: right, own language"
    description = "share of queries whose first hit is relevant and in the query's language"
    default = (name,)
    relevant, own_language = True, True


class FirstRightOther(FirstHit):
    """The answer, in another language."""

    name = "first_right_other"
    label = "first: right, other language"
    description = "share of queries whose first hit is relevant and in another language than the query"
    default = (name,)
    relevant, own_language = True, False


class FirstWrongOwn(FirstHit):
    """No answer, but in the query's language: what a preference for it costs."""

    name = "first_wrong_own"
    label = "first: wrong, own language"
    description = "share of queries whose first hit is not relevant and in the query's language"
    default = (name,)
    relevant, own_language = False, True


class FirstWrongOther(FirstHit):
    """No answer, and in another language."""

    name = "first_wrong_other"
    label = "first: wrong, other language"
    description = "share of queries whose first hit is not relevant and in another language than the query"
    default = (name,)
    relevant, own_language = False, False
