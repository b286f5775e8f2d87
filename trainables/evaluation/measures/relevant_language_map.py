"""The matrix of query language by language of the relevant candidates."""

from collections.abc import Mapping

from typing_extensions import override

from trainables.evaluation.language_matrix import language_matrix
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class RelevantLanguageMap(BiasMeasure):
    """mAP of the queries of one language if of their relevant candidates only those in one language are in the pool."""

    name = "relevant_language_map"
    label = "mAP by relevant language"
    description = "mAP in the pool of all languages with the relevant candidates of one language only, by language pair"
    direction = "neither"
    unit = "score"
    default = ("relevant_language_map",)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        matrix, names = language_matrix(retrieval), retrieval.benchmark.languages
        return {
            (names[one], names[other]): float(mean)
            for one, other, mean in zip(matrix.query_language, matrix.relevant_language, matrix.mean, strict=True)
        }
