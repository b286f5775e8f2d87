"""mAP by query language and language of the relevant candidates: the matrix behind measures of language bias."""

from dataclasses import dataclass

import numpy as np

from trainables.evaluation.arrays import FloatArray, IntArray
from trainables.evaluation.measures.map import AveragePrecision
from trainables.evaluation.searches import Retrieval


@dataclass(frozen=True, eq=False)
class LanguageMatrix:
    """The cells that have queries, in order of query language, then relevant language; each array is [cells]."""

    query_language: IntArray
    """Index into `Benchmark.languages`."""
    relevant_language: IntArray
    """Index into `Benchmark.languages`."""
    mean: FloatArray
    """Mean average precision."""


def language_matrix(retrieval: Retrieval) -> LanguageMatrix:
    """Returns the matrix: of the relevant candidates only those of one language are left in the pool of all languages.

    Raises:
        ValueError: the pool of all languages was not searched.
    """
    searches = retrieval.with_one_relevant_language
    cells, cell = np.unique(searches.cell, return_inverse=True)
    mean = np.bincount(cell, weights=AveragePrecision().values(searches)) / np.bincount(cell)
    return LanguageMatrix(*np.divmod(cells, len(retrieval.benchmark.languages)), mean)
