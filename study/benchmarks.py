"""Where the arms of a study are judged: benchmarks with results, their settings, and the metric that each is judged by.

Both the study, which decides whether it needs more seeds, and the report must look at the same place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import (
    DEV,
    OVERALL_SETTINGS,
    SETTINGS,
    MetricName,
    MetricSetting,
    Setting,
    headlines,
)


@dataclass(frozen=True)
class JudgedBenchmark:
    """A benchmark of the confirm phase with the settings and the metric in which arms are judged."""

    name: str
    settings: tuple[Setting, ...]
    metric: str
    """Name of the measure, with its cut-off."""
    has_overall: bool = False
    """Whether it has the overall value, the mean of three settings."""

    @property
    def summaries(self) -> tuple[MetricSetting, ...]:
        """The settings and, last, the overall value, if there is one."""
        overall: tuple[MetricSetting, ...] = ("overall",) if self.has_overall else ()
        return (*self.settings, *overall)

    def parts_of(self, setting: MetricSetting) -> tuple[MetricSetting, ...]:
        """The settings of which this one is the mean: itself, or those of the overall value."""
        return OVERALL_SETTINGS if setting == "overall" else (setting,)

    def setting_of(self, objective: str) -> MetricSetting:
        """The setting of an objective such as `overall/map`, or the last one if the benchmark lacks it."""
        return setting_of(objective, self.summaries, self.settings)


def setting_of(objective: str, summaries: Sequence[MetricSetting], settings: Sequence[Setting]) -> MetricSetting:
    """Of the summaries that a benchmark has the one of an objective; the last setting if it lacks that."""
    wished = objective.split("/")[0]
    return next((setting for setting in summaries if setting == wished), settings[-1])


def judged_benchmarks(
    recorded: Mapping[str, str | None], metrics: Iterable[str], measures: Mapping[str, MeasureRecord]
) -> tuple[JudgedBenchmark, ...]:
    """Returns the benchmarks that have results.

    A benchmark is judged by its main measure or, if that is not known or not to be had, by the first measure of quality
    that it has.

    Args:
        recorded: the benchmarks and their main measures, in the order in which the study names them.
        metrics: names of summary metrics of the confirm phase, such as `xquad-r/multilingual/map`.
        measures: those of the study, by name.
    """
    # The dev set chose the parameters: what an arm reaches on it is no result.
    found = [
        name
        for name in headlines(sorted(metrics))
        if name.setting in (*SETTINGS, "overall") and name.benchmark not in (None, DEV)
    ]
    names = dict.fromkeys([*recorded, *(str(name.benchmark) for name in found)])
    held = ((name, [metric for metric in found if metric.benchmark == name]) for name in names)
    found_of = ((name, own, _main_first(measures, recorded.get(name))) for name, own in held)
    return tuple(judged for one in found_of if (judged := _judged(*one)) is not None)


def _main_first(measures: Mapping[str, MeasureRecord], main: str | None) -> list[MeasureRecord]:
    return sorted(measures.values(), key=lambda measure: measure.name != main)


def _judged(name: str, own: Sequence[MetricName], measures: Sequence[MeasureRecord]) -> JudgedBenchmark | None:
    for measure in measures:
        # Where only the first ranks of a pool are known, a benchmark has the measure at that cut-off.
        variants = [one.measure for one in own if measure.name in (one.measure, one.measure.split("@")[0])]
        if variants and not measure.is_bias:
            metric = measure.name if measure.name in variants else variants[0]
            of_metric = {one.setting for one in own if one.measure == metric}
            settings = tuple(setting for setting in SETTINGS if setting in of_metric)
            return JudgedBenchmark(name, settings, metric, "overall" in of_metric) if settings else None
    return None
