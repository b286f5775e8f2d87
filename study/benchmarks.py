"""Where the arms of a study are judged: benchmarks with results, their settings, and the metric that each is judged by.

Both the study, which decides whether it needs more seeds, and the report must look at the same place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import DEV, SETTINGS, MetricName, Setting, headlines


@dataclass(frozen=True)
class JudgedBenchmark:
    """A benchmark of the confirm phase with the settings and the metric in which arms are judged."""

    name: str
    settings: tuple[Setting, ...]
    metric: str
    """Name of the measure, with its cut-off."""

    def setting_of(self, objective: str) -> Setting:
        """The setting of an objective such as `multilingual/map`, or the last one if the benchmark lacks it."""
        wished = objective.split("/")[0]
        return next((setting for setting in self.settings if setting == wished), self.settings[-1])


def judged_benchmarks(
    recorded: Iterable[str], metrics: Iterable[str], measures: Mapping[str, MeasureRecord]
) -> tuple[JudgedBenchmark, ...]:
    """Returns the benchmarks that have results.

    A benchmark is judged by the first measure of quality that it has.

    Args:
        recorded: benchmarks in the order in which the study names them.
        metrics: names of summary metrics of the confirm phase, such as `xquad-r/multilingual/map`.
        measures: those of the study, by name.
    """
    # The dev set chose the parameters: what an arm reaches on it is no result.
    found = [
        name for name in headlines(sorted(metrics)) if name.setting in SETTINGS and name.benchmark not in (None, DEV)
    ]
    names = dict.fromkeys([*recorded, *(str(name.benchmark) for name in found)])
    held = ((name, [metric for metric in found if metric.benchmark == name]) for name in names)
    return tuple(judged for name, own in held if (judged := _judged(name, own, measures)) is not None)


def _judged(name: str, own: Sequence[MetricName], measures: Mapping[str, MeasureRecord]) -> JudgedBenchmark | None:
    for measure in measures.values():
        # Where only the first ranks of a pool are known, a benchmark has the measure at that cut-off.
        variants = [one.measure for one in own if measure.name in (one.measure, one.measure.split("@")[0])]
        if variants and not measure.is_bias:
            metric = measure.name if measure.name in variants else variants[0]
            of_metric = {one.setting for one in own if one.measure == metric}
            return JudgedBenchmark(name, tuple(setting for setting in SETTINGS if setting in of_metric), metric)
    return None
