"""What the measure phase of studies has found, by arm and training seed."""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from statistics import median

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts
from study.records import TRIALS
from trainables.evaluation.efficiency.records import (
    MEASURED_ONCE,
    CurvePoint,
    EfficiencyRecord,
    MeasurementRecord,
    NumberRecord,
)


class Efficiency:
    """The measurements of the studies of a report; `record` is None where there are none."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._by_trial: dict[str, list[MeasurementRecord]] = {}
        found = [study for study in facts.studies if study.info.efficiency is not None]
        self.record: EfficiencyRecord | None = None
        for study in found:
            for one in study.study.measurements.values():
                self.record = self.record or study.info.efficiency
                place = (study.study.folder / TRIALS / one.trial).location
                self._by_trial.setdefault(place, []).append(one)

    @cached_property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks on which something was measured, in the order of the report."""
        held = {name for of in self._by_trial.values() for one in of for name in one.benchmarks}
        return tuple(one.name for one in self._facts.benchmarks if one.name in held)

    @property
    def price(self) -> NumberRecord | None:
        """What the question is about: the first number for comparison that no machine changes, of searches at equal
        recall."""
        numbers = () if self.record is None else self.record.numbers.values()
        return next((one for one in numbers if one.is_compared and not one.is_timed), None)

    @property
    def measurements(self) -> list[MeasurementRecord]:
        """All measurements."""
        return [one for of in self._by_trial.values() for one in of]

    def values(self, arm: Arm, benchmark: str, number: str, *, copy: bool = False) -> dict[int, float]:
        """A number of an arm by seed: the median over the rounds if it is timed, else the mean.

        `copy`: of the second name of its encoders. A seed for which a round lacks the number is missing: where a
        recall is not reached there is no price of it.
        """
        if self.record is None:
            return {}
        asked = self.record.numbers[number]
        found: dict[int, float] = {}
        for run in arm.runs:
            rounds = [one for one in self._of(run.location, copy) if benchmark in one.benchmarks]
            values = [v for one in rounds if (v := one.benchmarks[benchmark].numbers.get(number)) is not None]
            if values and (len(values) == len(rounds) or asked.part in MEASURED_ONCE):
                found[run.seed] = median(values) if asked.is_timed else _mean(values)
        return found

    def seeds(self, arm: Arm, benchmark: str) -> frozenset[int]:
        """The seeds of an arm that were measured on a benchmark, whatever was found."""
        return frozenset(
            run.seed
            for run in arm.runs
            if any(benchmark in one.benchmarks for one in self._of(run.location, copy=False))
        )

    def curve(self, arm: Arm, benchmark: str) -> Iterator[CurvePoint]:
        """Recall and cost of every index at the settings that all measurements of an arm have, means over them."""
        curves = [
            {(point.index, point.setting): point for point in one.benchmarks[benchmark].curve}
            for run in arm.runs
            for one in self._of(run.location, copy=False)
            if benchmark in one.benchmarks
        ]
        for index, setting in curves[0] if curves else ():
            points = [curve[index, setting] for curve in curves if (index, setting) in curve]
            if len(points) == len(curves):
                yield CurvePoint(
                    index=index,
                    setting=setting,
                    recall=_mean([point.recall for point in points]),
                    distances=_mean([point.distances for point in points]),
                    milliseconds=_mean([point.milliseconds for point in points]),
                )

    def _of(self, trial: str, copy: bool) -> list[MeasurementRecord]:
        return [one for one in self._by_trial.get(trial, ()) if one.is_copy == copy]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
