"""What the search optimises: one or more dev metrics with a direction.

>>> parse_objectives(["overall/map", "bias/rank_distance:minimize"])[1].on_dev
'dev/bias/rank_distance'
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from study.settings import StudySettings
from trainables.errors import UserError, unknown_name
from trainables.evaluation.measures.registry import chosen_measures, find_measure
from trainables.evaluation.metric_name import DEV, MetricName, MetricSetting

Better = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Objective:
    """A dev metric and whether more or less of it is better."""

    metric: str
    """Without the name of the dev set: `multilingual/map`."""
    direction: Better

    @property
    def on_dev(self) -> str:
        """Name of the metric among those of a trial: `dev/multilingual/map`."""
        return str(MetricName.parse(self.metric).of(DEV))

    @property
    def measure(self) -> str:
        """Name of the measure, which the dev evaluation must compute."""
        return MetricName.parse(self.metric).measure

    @property
    def setting(self) -> MetricSetting | None:
        """Where it is measured."""
        return MetricName.parse(self.metric).setting

    def score(self, metrics: Mapping[str, float]) -> float:
        """The value such that more is better; minus infinity where the dev set does not have the metric."""
        value = metrics.get(self.metric, math.nan)
        if math.isnan(value):
            return -math.inf
        return value if self.direction == "maximize" else -value


def possible_objectives(metrics: Iterable[MetricName]) -> dict[str, Better]:
    """Of these metrics those that may be an objective, each with the direction that is better.

    They are values for all queries, of a measure that says what is better.
    """
    names = (name.of(None) for name in metrics if name.is_headline)
    found = {str(name): find_measure(name.measure).direction for name in names}
    return {name: direction for name, direction in found.items() if _is_better(direction)}


def usual_objectives() -> dict[str, Better]:
    """The objectives that every study of a multilingual dev set can have, whatever measures it asks for."""
    measures = chosen_measures()
    return possible_objectives(MetricName(None, setting, str(m)) for m in measures for setting in m.settings)


def parse_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Reads `metric` or `metric:maximize` or `metric:minimize`; raises UserError for anything else."""
    found = []
    for text in texts:
        metric, _, asked = text.partition(":")
        direction = asked or _usual_direction(metric)
        if not _is_better(direction):
            raise UserError(f"--objective {text}: the direction is {direction!r}, but must be maximize or minimize.")
        found.append(Objective(metric, direction))
    if len({objective.metric for objective in found}) < len(found):
        raise UserError(f"--objective {' '.join(texts)}: a metric is named twice; name each once.")
    return tuple(found)


def asked_measures(settings: StudySettings) -> tuple[str, ...]:
    """The measures that a study computes beside the default ones: those asked for and those of its objectives."""
    return (*settings.measure, *(objective.measure for objective in parse_objectives(settings.objective)))


def asks_bilingual(settings: StudySettings) -> bool:
    """Whether a study searches bilingual pools: it says so, or an objective is measured there."""
    objectives = parse_objectives(settings.objective)
    return settings.bilingual or any(one.setting == "bilingual" for one in objectives)


def _usual_direction(metric: str) -> Better:
    unknown = unknown_name("objective", metric, usual_objectives())
    try:
        name = MetricName.parse(metric)
        measure = find_measure(name.measure)
    except (ValueError, UserError) as error:
        raise unknown from error
    possible = possible_objectives([name]) if name.setting in measure.settings else {}
    # A name with a benchmark is none of them: there is one dev set.
    if metric not in possible:
        raise unknown
    return possible[metric]


def _is_better(direction: str) -> TypeGuard[Better]:
    return direction in ("maximize", "minimize")
