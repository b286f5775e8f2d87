"""From embeddings to every number that is reported about a benchmark."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from trainables.corpora.benchmark import Benchmark
from trainables.evaluation.arrays import BoolArray, FloatArray
from trainables.evaluation.bilingual import bilingual_pools
from trainables.evaluation.means import SettingValues, overall_means, setting_means
from trainables.evaluation.measures.measure import BiasMeasure, Measure, QueryBiasMeasure, RankingMeasure
from trainables.evaluation.measures.registry import chosen_measures
from trainables.evaluation.metric_name import MetricName, Setting
from trainables.evaluation.rank import perfect_ranks, rank_relevant
from trainables.evaluation.scores import BLOCK_BYTES, Embeddings
from trainables.evaluation.searches import Retrieval, Searches
from trainables.evaluation.tables import per_query_table, relevant_ranks_table
from trainables.evaluation.tie_rule import TieRule
from trainables.watch import Watch, unwatched

METRIC_DEFINITION = 2
"""Changes whenever a metric of the same name would get another value; docs/metrics.md says what each number means."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one model scored on one benchmark; names and columns are those of docs/records.md."""

    metrics: dict[str, float]
    """Every summary value by its name (`MetricName`)."""
    headlines: dict[str, float]
    """Of these the values for all languages (macro means, bias), named without the benchmark: `multilingual/map`."""
    per_query: pa.Table | None
    relevant_ranks: pa.Table | None
    seconds: float


def evaluate(
    benchmark: Benchmark,
    query_embeddings: Embeddings,
    candidate_embeddings: Embeddings,
    *,
    measures: Iterable[str] = (),
    ties: TieRule = "pessimistic",
    bilingual: bool = False,
    block_bytes: int = BLOCK_BYTES,
    keep_per_query: bool = True,
    watch: Watch = unwatched,
) -> Evaluation:
    """Scores by dot product (the caller normalises) in every setting that the benchmark has.

    >>> import numpy as np
    >>> from trainables.corpora.benchmark import Candidate, Query, benchmark
    >>> queries = [Query("capital", "de", "Hauptstadt?"), Query("capital", "en", "Capital?")]
    >>> candidates = [Candidate("d1", "de", "Rom"), Candidate("d2", "de", "Ja"), Candidate("e1", "en", "Rome")]
    >>> both_are_right = [[0, 2], [0, 2]]
    >>> embeddings = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
    >>> found = evaluate(
    ...     benchmark("toy", queries, candidates, both_are_right), embeddings[[0, 2]], embeddings, measures=["ndcg@10"]
    ... )
    >>> round(found.metrics["toy/multilingual/map"], 4), round(found.metrics["toy/multilingual/ndcg@10/de"], 4)
    (0.8333, 0.9197)

    Args:
        benchmark: what is asked and what is right.
        query_embeddings: float32 [Q, d] in the order of the benchmark, NumPy or torch on any device.
        candidate_embeddings: likewise [C, d].
        measures: names of measures beside the default ones.
        ties: how equal scores rank.
        bilingual: whether bilingual pools are searched, too.
        block_bytes: size of a block of scores.
        keep_per_query: whether to make the tables.
        watch: shows how far it is.

    Raises:
        ValueError: embeddings do not fit the benchmark, hold NaN or overflow, or no query has a relevant candidate.
        UserError: a measure is unknown.
    """
    started = time.perf_counter()
    chosen = chosen_measures(measures)
    ranks = rank_relevant(
        benchmark,
        query_embeddings,
        candidate_embeddings,
        ties=ties,
        bilingual=bilingual,
        block_bytes=block_bytes,
        watch=watch,
    )
    retrieval = Retrieval(benchmark, ranks)
    found = _by_setting(retrieval, chosen)
    metrics = _metrics(retrieval, chosen, found)
    per_query, relevant_ranks = None, None
    if keep_per_query:
        per_query = per_query_table(benchmark, found, _bias_columns(retrieval, chosen))
        relevant_ranks = relevant_ranks_table(retrieval)
    return Evaluation(
        {str(name): value for name, value in metrics.items()},
        {str(name.of(None)): value for name, value in metrics.items() if name.is_headline},
        per_query,
        relevant_ranks,
        time.perf_counter() - started,
    )


def available_metrics(
    benchmark: Benchmark, *, measures: Iterable[str] = (), bilingual: bool = False
) -> frozenset[MetricName]:
    """Returns the names of all metrics that `evaluate` finds, whatever the embeddings.

    They follow from what is relevant to what alone, so a perfect ranking has them all and nothing is scored. Takes the
    arguments of `evaluate`, and raises ValueError and UserError as it does.
    """
    retrieval = Retrieval(benchmark, perfect_ranks(benchmark, bilingual))
    chosen = chosen_measures(measures)
    return frozenset(_metrics(retrieval, chosen, _by_setting(retrieval, chosen)))


def _by_setting(retrieval: Retrieval, measures: Iterable[Measure]) -> list[SettingValues]:
    """The values of the ranking measures in the settings that exist, rows in order of query, then pool.

    Pools of one language and of two leave out queries without a relevant candidate in the pool. Those without any in
    all pools come last and count 0 where their own language is in the pool, as in trec_eval: nothing that could be
    found was found.
    """
    ranking = [measure for measure in measures if isinstance(measure, RankingMeasure)]

    def values(searches: Searches) -> dict[str, FloatArray]:
        return {str(measure): measure.values(searches) for measure in ranking}

    lost = retrieval.benchmark.judged_only_irrelevant
    in_one = retrieval.in_one_language
    of_one = values(in_one)
    own = retrieval.benchmark.query_language[in_one.query] == in_one.pool
    parts: tuple[tuple[Setting, BoolArray], ...] = (("monolingual", own), ("cross-lingual", ~own))
    result = [SettingValues.of(setting, in_one, of_one, rows) for setting, rows in parts if rows.any()]
    result = [one.with_zeros(lost) if one.setting == "monolingual" else one for one in result]
    in_two = retrieval.in_two_languages
    if in_two is not None and len(in_two.query):
        of_two = SettingValues.of("bilingual", in_two, values(in_two))
        result.append(of_two.with_zeros(*bilingual_pools(retrieval.benchmark, lost)))
    if retrieval.is_multilingual:
        in_all = retrieval.in_all_languages
        result.append(SettingValues.of("multilingual", in_all, values(in_all)).with_zeros(lost))
    return result


def _metrics(
    retrieval: Retrieval, measures: Sequence[Measure], found: Iterable[SettingValues]
) -> dict[MetricName, float]:
    benchmark = retrieval.benchmark
    metrics: dict[MetricName, float] = {}
    for setting in found:
        metrics |= setting_means(benchmark, setting)
    metrics |= overall_means(benchmark, [str(m) for m in measures if isinstance(m, RankingMeasure)], metrics)
    for measure in measures:
        if isinstance(measure, BiasMeasure) and (retrieval.is_multilingual or measure.needs == "one pool"):
            name = MetricName(benchmark.name, "bias" if retrieval.is_multilingual else None, str(measure))
            for languages, value in measure.summary(retrieval).items():
                metrics[name.among(*languages)] = value
    return metrics


def _bias_columns(retrieval: Retrieval, measures: Iterable[Measure]) -> Mapping[str, FloatArray | None]:
    """The columns of bias measures with a value per query; None where the benchmark has no language bias."""
    return {
        str(measure): measure.values(retrieval) if retrieval.is_multilingual else None
        for measure in measures
        if isinstance(measure, QueryBiasMeasure)
    }
