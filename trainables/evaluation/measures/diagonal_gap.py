"""The diagonal gap: how much better a relevant candidate is found in the query's own language."""

from collections.abc import Mapping

from typing_extensions import override

from trainables.evaluation.language_matrix import language_matrix
from trainables.evaluation.means import ALL
from trainables.evaluation.measures.measure import BiasMeasure
from trainables.evaluation.searches import Retrieval


class DiagonalGap(BiasMeasure):
    """Mean of the matrix of mAP by query and relevant language on its diagonal less the mean off it."""

    name = "diagonal_gap"
    label = "diagonal gap"
    description = "mAP with relevant candidates in the query's language less mAP with those in another language"
    direction = "minimize"
    unit = "difference"
    default = ("diagonal_gap",)

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        matrix = language_matrix(retrieval)
        diagonal = matrix.query_language == matrix.relevant_language
        if diagonal.all() or not diagonal.any():
            return {}
        return {ALL: float(matrix.mean[diagonal].mean() - matrix.mean[~diagonal].mean())}
