"""Rank distance: how far the translations of one answer lie apart."""

from collections.abc import Mapping

from typing_extensions import override

from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.means import ALL, language_means, mean_over_languages
from trainables.evaluation.measures.measure import QueryBiasMeasure
from trainables.evaluation.searches import Retrieval

REFERENCE = """@inproceedings{huang2023soft,
  author    = {Zhiqi Huang and Hansi Zeng and Hamed Zamani and James Allan},
  title     = {Soft Prompt Decoding for Multilingual Dense Retrieval},
  booktitle = {Proceedings of SIGIR},
  year      = {2023}
}"""


class RankDistance(QueryBiasMeasure):
    """Greatest less smallest rank of a query's relevant candidates in the pool of all languages (arXiv 2408.10536).

    Queries with relevant candidates in one language only have none.
    """

    name = "rank_distance"
    label = "rank distance"
    description = "greatest less smallest rank of a query's relevant candidates in the pool of all languages"
    direction = "minimize"
    unit = "ranks"
    default = ("rank_distance",)
    references = (REFERENCE,)

    @override
    def values(self, retrieval: Retrieval) -> FloatArray:
        first, last = retrieval.first_and_last_rank
        return last - first

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        by_language = language_means(retrieval.benchmark, self.values(retrieval))
        return {ALL: mean_over_languages(by_language), **by_language}
