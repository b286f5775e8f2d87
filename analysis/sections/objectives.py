"""Several objectives at once, and what trials and arms reach in them; for the section `pareto`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, estimate
from analysis.facts.runs import Run
from analysis.render.table import Column
from analysis.sections.cells import measure_kind, slug
from analysis.statistics.pareto import Point
from study.records import ObjectiveRecord
from trainables.evaluation.measures.record import MeasureRecord
from trainables.evaluation.metric_name import MetricName


@dataclass(frozen=True)
class Axis:
    """One of several objectives, with what is known about its measure, and its name for people."""

    objective: ObjectiveRecord
    measure: MeasureRecord
    label: str

    @property
    def metric(self) -> str:
        """Its name in the records, without the benchmark."""
        return self.objective.metric

    def score(self, value: float) -> float:
        """The value such that more is better."""
        return value if self.objective.maximised else -value

    def column(self, key: str, group: str = "") -> Column:
        """A column of its values."""
        lower = not self.objective.maximised
        return Column(
            slug(f"{key} {self.metric}"), self.label, measure_kind(self.measure), group=group, lower_is_better=lower
        )


def axes(facts: Facts) -> tuple[Axis, ...]:
    """The objectives of a study that has several; empty for one."""
    found = tuple(
        Axis(one, facts.measure(MetricName.parse(one.metric).measure), facts.objective_label(one))
        for one in facts.objectives
    )
    return found if len(found) > 1 else ()


def dev_values(facts: Facts, found: Sequence[Axis]) -> dict[tuple[str, str], tuple[Run, Point]]:
    """By label of the study and id, the complete search trials that have all objectives, with their dev values."""
    values: dict[tuple[str, str], tuple[Run, Point]] = {}
    for study in facts.studies:
        for run in study.runs:
            if run.phase != "search" or run.status != "complete":
                continue
            known = tuple(value for one in found if (value := run.dev(one.metric)) is not None)
            if len(known) == len(found):
                values[study.label, run.id] = run, known
    return values


def test_values(arms: Iterable[Arm], benchmark: str, found: Sequence[Axis]) -> list[tuple[Arm, Point]]:
    """The arms that have all objectives on a benchmark, with their means over seeds."""
    values = []
    for arm in arms:
        means = [estimate(arm.values(f"{benchmark}/{one.metric}").values()) for one in found]
        known = tuple(mean.mean for mean in means if mean is not None)
        if len(known) == len(found):
            values.append((arm, known))
    return values


def front_arms(facts: Facts) -> list[Arm]:
    """The arms of the Pareto front."""
    return [arm for arm in facts.arms if arm.is_front]


def strategies(facts: Facts) -> list[Arm]:
    """The strategies, which stand beside it."""
    return [arm for arm in facts.arms if arm.role == "strategy" and not arm.is_front]


def scores(found: Sequence[Axis], point: Point) -> Point:
    """A point such that more is better in every objective."""
    return tuple(one.score(value) for one, value in zip(found, point, strict=True))
