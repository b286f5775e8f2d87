"""The measures of a report as its studies describe them."""

from collections.abc import Iterable, Mapping

from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import MetricName


def bias_metric(benchmark: str, measure: str) -> str:
    """The name of the summary metric of a measure of language bias."""
    return str(MetricName(benchmark, "bias", measure))


def merged_measures(recorded: Iterable[Mapping[str, MeasureRecord]]) -> dict[str, MeasureRecord]:
    """The measures of several studies in the order of the tables; the first study that describes one counts."""
    found: dict[str, MeasureRecord] = {}
    for measures in recorded:
        for name, measure in measures.items():
            found.setdefault(name, measure)
    return found
