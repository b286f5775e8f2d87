"""How measures, places and objectives are called in words."""

from collections.abc import Mapping

from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import SETTINGS, MetricName


def measure_named(name: str, known: Mapping[str, MeasureRecord]) -> MeasureRecord:
    """What is known about a measure; one that nobody described is a score of which more is better.

    Where only the first ranks of a pool are known, a benchmark has the measure at that cut-off: `map@20` of `map`.
    """
    if name in known:
        return known[name]
    plain, _, cutoff = name.partition("@")
    if cutoff and plain in known:
        return known[plain].model_copy(update={"name": name, "label": f"{known[plain].label}@{cutoff}"})
    return MeasureRecord(
        name=name,
        label=name,
        description="",
        direction="maximize",
        unit="score",
        settings=SETTINGS,
        per_query=True,
    )


def place_label(benchmark: str, setting: str, measure: MeasureRecord) -> str:
    """A measure with its place: `mAP of xquad-r, multilingual`."""
    return f"{measure.label} of {benchmark}" + ("" if measure.is_bias else f", {setting}")


def objective_label(objective: str, known: Mapping[str, MeasureRecord]) -> str:
    """An objective as people read it: `multilingual mAP`, `rank distance`."""
    name = MetricName.parse(objective)
    measure = measure_named(name.measure, known)
    return measure.label if measure.is_bias else f"{name.setting} {measure.label}"
