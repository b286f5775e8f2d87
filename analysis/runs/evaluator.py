"""What a run is worth for every query: the ranks of the relevant documents, and the measures of the project on them.

The measures are those of `trainables/evaluation/measures`, which read ranks and need no encoder.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from analysis.runs.judgements import Judgements
from analysis.runs.run_files import Scores
from analysis.statistics.questions import Values
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.errors import UserError
from trainables.evaluation.measures.measure import RankingMeasure
from trainables.evaluation.measures.registry import MEASURES, example, find_measure
from trainables.evaluation.pools import relevant_languages
from trainables.evaluation.rank import UNRANKED
from trainables.evaluation.searches import group_by_search
from trainables.evaluation.tie_rule import TieRule

_LANGUAGE = "und"
"""Rankings do not say their languages."""


def ranking_measures(names: Sequence[str]) -> list[RankingMeasure]:
    """The measures of these names, each once. Raises UserError for one that is none of a single ranking."""
    found: dict[str, RankingMeasure] = {}
    for name in names:
        measure = find_measure(name)
        if not isinstance(measure, RankingMeasure):
            known = [example(kind) for kind in MEASURES.values() if issubclass(kind, RankingMeasure)]
            raise UserError(
                f"{name} is no measure of a run: it needs the languages of a benchmark; choose from {', '.join(known)}."
            )
        found[str(measure)] = measure
    return list(found.values())


class Evaluator:
    """Measures runs against judgements.

    Args:
        judgements: the queries with their relevant documents.
        measures: what is measured.
        ties: how documents with one score are ordered; pessimistic: the less relevant first.
    """

    def __init__(self, judgements: Judgements, measures: Sequence[RankingMeasure], ties: TieRule) -> None:
        self._judgements, self._measures, self._ties = judgements, measures, ties

    def values(self, scores: Mapping[str, Scores]) -> Values:
        """The values of a run: [measures, queries]. A query without an answer has 0, like one with nothing relevant.

        Raises:
            UserError: a measure from outside has no value for a query.
        """
        found = [ranks(scores.get(q, {}), grades, self._ties) for q, grades in self._judgements.grades.items()]
        query_of, _ = relevant_languages(self._benchmark)
        documents = [self._benchmark.candidate_ids[c] for c in self._benchmark.relevant.tolist()]
        rank = [found[q].get(d, UNRANKED) for q, d in zip(query_of.tolist(), documents, strict=True)]
        searches = group_by_search(self._benchmark, query_of, None, np.array(rank))
        values = np.zeros((len(self._measures), len(self._judgements.grades)))
        for row, measure in zip(values, self._measures, strict=True):
            row[searches.query] = measure.values(searches)
            if not np.isfinite(row).all():
                query = self._judgements.queries[int(np.flatnonzero(~np.isfinite(row))[0])]
                raise UserError(f"{measure} has no value for query {query!r}: choose another measure.")
        return values

    @cached_property
    def _benchmark(self) -> Benchmark:
        """The judged queries and their relevant documents, without texts."""
        documents: dict[str, int] = {}
        judged = [
            {documents.setdefault(document, len(documents)): grade for document, grade in grades.items()}
            for grades in self._judgements.grades.values()
        ]
        queries = [Query(query, _LANGUAGE, "") for query in self._judgements.queries]
        candidates = [Candidate(document, _LANGUAGE, "") for document in documents]
        return benchmark(self._judgements.name, queries, candidates, judged)


def ranks(scores: Scores, grades: Mapping[str, int], ties: TieRule) -> dict[str, int]:
    """The ranks from 1 of the relevant documents among those that were found.

    Scores are compared in single precision, as trec_eval does. Of equal ones the less relevant come first
    (`pessimistic`), and then those with the greater id (`trec`: the id alone decides).

    >>> ranks({"a": 2.0, "b": 1.0, "c": 1.0}, {"a": 1, "c": 1}, "pessimistic")
    {'a': 1, 'c': 3}
    >>> ranks({"a": 2.0, "b": 1.0, "c": 1.0}, {"a": 1, "c": 1}, "trec")
    {'a': 1, 'c': 2}
    """
    documents = sorted(scores, reverse=True)
    descending = -np.array([scores[document] for document in documents], dtype=np.float32)
    gains = np.array([max(grades.get(document, 0), 0) for document in documents])
    order = np.lexsort((descending,)) if ties == "trec" else np.lexsort((gains, descending))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(1, len(order) + 1)
    return {documents[i]: int(places[i]) for i in order if gains[i] > 0}
